/** The kind of progress for each terminal, and the events that it counts. */
import assert from "node:assert/strict";
import type { Event } from "../../../cli/events/mod.ts";
import { ASCII, percentOf, UNICODE } from "../../../cli/progress/render.ts";
import { count, glyphsFor, modeFor, type Terminal } from "../../../cli/progress/mod.ts";
import { type Direction, TransferCounters } from "../../../cli/progress/counters.ts";

function place(variables: Record<string, string>, changes: Partial<Terminal> = {}): Terminal {
  return { isTerminal: true, os: "linux", variable: (name) => variables[name], ...changes };
}

Deno.test("progress: drawn on a terminal that can return to the start of a line", () => {
  assert.equal(modeFor(place({ TERM: "xterm" })), "drawn");
  assert.equal(modeFor(place({})), "drawn", "Windows has no TERM");
  assert.equal(modeFor(place({ TERM: "dumb" })), "lines");
  assert.equal(modeFor(place({ TERM: "xterm" }, { isTerminal: false })), "lines");
});

Deno.test("progress: drawn in Unicode if the locale uses it", () => {
  for (
    const [variables, glyphs] of [
      [{ LANG: "de_DE.UTF-8" }, UNICODE],
      [{ LANG: "C.utf8" }, UNICODE],
      [{ LANG: "de_DE.ISO-8859-1" }, ASCII],
      [{ LANG: "C" }, ASCII],
      [{}, ASCII],
      [{ LANG: "C", LC_CTYPE: "en_US.UTF-8" }, UNICODE],
      [{ LANG: "en_US.UTF-8", LC_ALL: "C" }, ASCII],
      [{ LANG: "en_US.UTF-8", LC_ALL: "" }, UNICODE],
    ] as const
  ) assert.equal(glyphsFor(place(variables)), glyphs, JSON.stringify(variables));
  assert.equal(glyphsFor(place({}, { os: "windows" })), ASCII);
  assert.equal(glyphsFor(place({ WT_SESSION: "1" }, { os: "windows" })), UNICODE);
});

/** Phase and percentage after each of the events. */
function summaryOf(direction: Direction, events: readonly Event[]): unknown[] {
  const counters = new TransferCounters(direction);
  return events.map((event) => {
    count(counters, event, 0);
    const state = counters.state(0);
    return state === undefined ? undefined : [state.phase, percentOf(state)];
  });
}

const FILE = {
  ...{ name: "docs/a", path: "a", size: 100, cksum: 1, user: "Alice", server: "h:1" },
  ...{ kind: "file" } as const,
};

Deno.test("progress: uploads are counted by path", () => {
  const events: Event[] = [
    { event: "comparing", done: 1, total: 2 },
    { event: "planned", files: 2, bytes: 200 },
    { event: "connected", server: "h:1", protocol: 4 },
    { event: "sending", file: "a", size: 100, attempt: 1 },
    { event: "progress", file: "a", done: 80, total: 100, attempt: 1 },
    { event: "retrying", code: "x", message: "x", delay: 1, retry: 1, retries: 5 },
    { event: "sending", file: "a", size: 100, attempt: 1 },
    { event: "resumed", file: "a", done: 50, total: 100 },
    { event: "progress", file: "a", done: 100, total: 100, attempt: 1 },
    { event: "stored", ...FILE },
    { event: "sending", file: "b", size: 100, attempt: 1 },
    { event: "progress", file: "b", done: 100, total: 100, attempt: 1 },
    { event: "not-stored", path: "b", state: "not-stored", code: "x" },
  ];
  assert.deepEqual(summaryOf("put", events), [
    ...[["comparing", 50], undefined, undefined, ["sending", 0], ["sending", 40], ["retrying", 40]],
    ...[["sending", 0], ["sending", 25], ["sending", 50], ["sending", 50], ["sending", 50]],
    ...[["approval", 99], ["sending", 50]],
  ]);
});

Deno.test("progress: downloads are counted by name", () => {
  const events: Event[] = [
    { event: "planned", files: 2, bytes: 200 },
    { event: "getting", file: "docs/a", size: 100, done: 0, attempt: 1 },
    { event: "progress", file: "docs/a", done: 50, total: 100, attempt: 1 },
    { event: "getting", file: "docs/a", size: 100, done: 50, attempt: 2 },
    { event: "progress", file: "docs/a", done: 100, total: 100, attempt: 2 },
    { event: "got", name: "docs/a", target: "a", kind: "file", size: 100, cksum: 1 },
    { event: "getting", file: "docs/b", size: 100, done: 0, attempt: 1 },
    { event: "not-got", name: "docs/b", target: "b", code: "x" },
  ];
  assert.deepEqual(summaryOf("get", events), [
    ...[undefined, ["getting", 0], ["getting", 25], ["getting", 25], ["getting", 50]],
    ...[["getting", 50], ["getting", 50], ["getting", 50]],
  ]);
});
