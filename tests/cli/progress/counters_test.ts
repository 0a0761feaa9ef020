/** The progress of a run, counted from the events about its files. */
import assert from "node:assert/strict";
import { percentOf, type ProgressState } from "../../../cli/progress/render.ts";
import { type Direction, TransferCounters } from "../../../cli/progress/counters.ts";

function tallyOf(direction: Direction = "put") {
  const counters = new TransferCounters(direction);
  return {
    counters,
    state: (at = 0) => counters.state(at) ?? assert.fail("no file has begun"),
    /** Phase, percent, bytes, files, attempt. */
    shown: () => {
      const state: ProgressState = counters.state(0) ?? assert.fail("no file has begun");
      const { phase, done, total, files, attempt } = state;
      return [phase, percentOf(state), done, total, files?.done, files?.total, attempt];
    },
  };
}

Deno.test("progress: nothing is shown before a file begins", () => {
  const { counters } = tallyOf();
  assert.equal(counters.state(0), undefined);
  counters.plan(3, 100);
  assert.equal(counters.state(0), undefined);
});

Deno.test("progress: one file is sent, waits for the server's confirmation, then is stored", () => {
  const { counters, shown } = tallyOf();
  counters.plan(1, 100);
  counters.begin(0, "a", 100);
  assert.deepEqual(shown(), ["sending", 0, 0, 100, undefined, undefined, 1]);
  counters.advance(1, "a", 40);
  assert.deepEqual(shown(), ["sending", 40, 40, 100, undefined, undefined, 1]);
  counters.advance(2, "a", 100);
  assert.deepEqual(shown(), ["approval", 99, 100, 100, undefined, undefined, 1]);
  counters.succeed("a", 100);
  assert.deepEqual(shown(), ["stored", 100, 100, 100, undefined, undefined, 1]);
});

Deno.test("progress: a download is complete only after it is written", () => {
  const { counters, shown } = tallyOf("get");
  counters.begin(0, "a", 10);
  assert.equal(shown()[0], "getting");
  counters.advance(0, "a", 10);
  assert.deepEqual(shown().slice(0, 2), ["saving", 99]);
  counters.succeed("a", 10);
  assert.deepEqual(shown().slice(0, 2), ["written", 100]);
});

Deno.test("progress: standard input has no total until it is stored", () => {
  const { counters, shown, state } = tallyOf();
  counters.begin(0, "-", undefined);
  assert.deepEqual(shown().slice(0, 4), ["sending", undefined, 0, undefined]);
  counters.advance(1000, "-", 500);
  counters.advance(2000, "-", 1500);
  assert.deepEqual(shown().slice(0, 4), ["sending", undefined, 1500, undefined]);
  assert.equal(state(2000).name, "standard input");
  assert.equal(state(2000).left, undefined);
  counters.succeed("-", 1500);
  assert.deepEqual(shown().slice(0, 4), ["stored", 100, 1500, 1500]);
});

Deno.test("progress: an empty file waits for confirmation, too", () => {
  const { counters, shown } = tallyOf();
  counters.plan(1, 0);
  counters.begin(0, "a", 0);
  assert.deepEqual(shown().slice(0, 2), ["approval", 0]);
  counters.succeed("a", 0);
  assert.deepEqual(shown().slice(0, 2), ["stored", 100]);
});

Deno.test("progress: of many files, stored files and transferred bytes count", () => {
  const { counters, shown } = tallyOf();
  counters.plan(3, 60);
  counters.begin(0, "a", 10);
  counters.advance(0, "a", 10);
  counters.begin(0, "b", 20);
  counters.advance(0, "b", 20);
  assert.deepEqual(shown(), ["sending", 50, 30, 60, 0, 3, 1], "one has not begun yet");
  counters.succeed("a", 10);
  assert.deepEqual(shown(), ["sending", 50, 30, 60, 1, 3, 1]);
  counters.begin(0, "c", 30);
  counters.advance(0, "c", 30);
  assert.deepEqual(shown(), ["approval", 99, 60, 60, 1, 3, 1]);
  counters.succeed("c", 30);
  counters.succeed("b", 20);
  assert.deepEqual(shown(), ["stored", 100, 60, 60, 3, 3, 1]);
});

Deno.test("progress: after a failure it never reaches 100 %", () => {
  const { counters, shown, state } = tallyOf();
  counters.plan(2, 100);
  counters.begin(0, "a", 50);
  counters.advance(0, "a", 30);
  counters.fail("a");
  counters.begin(0, "b", 50);
  assert.deepEqual(shown(), ["sending", 0, 0, 100, 0, 2, 1]);
  counters.advance(1000, "b", 25);
  assert.equal(state(1000).left, 25 / state(1000).rate!, "failed files do not wait");
  counters.advance(1000, "b", 50);
  counters.succeed("b", 50);
  assert.deepEqual(shown(), ["sending", 50, 50, 100, 1, 2, 1]);
});

Deno.test("progress: a file that begins again is another attempt, from its first byte", () => {
  const { counters, shown } = tallyOf();
  counters.plan(2, 200);
  counters.begin(0, "a", 100);
  counters.advance(0, "a", 60);
  counters.retry();
  assert.deepEqual(shown(), ["retrying", 30, 60, 200, 0, 2, 1]);
  counters.begin(0, "a", 100);
  assert.deepEqual(shown(), ["sending", 0, 0, 200, 0, 2, 2]);
  counters.resume("a", 50);
  assert.deepEqual(shown(), ["sending", 25, 50, 200, 0, 2, 2]);
  counters.advance(0, "a", 100);
  counters.begin(0, "a", 100, 2);
  assert.deepEqual(shown().at(-1), 3, "the server has compared it once, the network failed once");
  counters.succeed("a", 100);
  counters.begin(0, "b", 100);
  assert.deepEqual(shown().at(-1), 1, "the next file begins with its first");
});

Deno.test("progress: the network fails while the client waits for confirmation", () => {
  const { counters, shown } = tallyOf();
  counters.begin(0, "a", 100);
  counters.advance(0, "a", 100);
  counters.retry();
  assert.deepEqual(shown().slice(0, 2), ["retrying", 99]);
  counters.succeed("a", 100);
  assert.deepEqual(shown().slice(0, 2), ["stored", 100], "it had stored it");
});

Deno.test("progress: the rate counts transferred bytes, not resumed ones", () => {
  const { counters, state } = tallyOf();
  counters.begin(0, "a", 1e9);
  counters.resume("a", 5e8);
  counters.advance(1000, "a", 5e8 + 1000);
  counters.advance(2000, "a", 5e8 + 2000);
  assert.equal(state(2000).rate, 1000);
  assert.equal(state(2000).left, (5e8 - 2000) / 1000);
});

Deno.test("progress: time without a network does not lower the rate", () => {
  const { counters, state } = tallyOf();
  counters.begin(0, "a", 1e6);
  for (let at = 100; at <= 2000; at += 100) counters.advance(at, "a", at);
  counters.retry();
  counters.begin(60_000, "a", 1e6);
  counters.resume("a", 2000);
  assert.equal(state(60_500).rate, undefined);
  for (let at = 100; at <= 2000; at += 100) counters.advance(60_000 + at, "a", 2000 + at);
  assert.equal(state(62_000).rate, 1000);
});

Deno.test("progress: comparing files is a phase of its own", () => {
  const { counters, state } = tallyOf();
  counters.compare(30, 100);
  assert.deepEqual([state().phase, state().done, state().total], ["comparing", 30, 100]);
  counters.plan(1, 100);
  assert.equal(counters.state(0), undefined);
  counters.begin(0, "a", 100);
  counters.compare(5, 50);
  assert.deepEqual([state().phase, state().name, state().done], ["comparing", "a", 5]);
  counters.resume("a", 50);
  assert.deepEqual([state().phase, state().done], ["sending", 50]);
});

Deno.test("progress: a file that is stored without being sent again counts once", () => {
  const { counters, shown } = tallyOf();
  counters.plan(2, 30);
  counters.succeed("a", 10);
  counters.begin(0, "b", 20);
  assert.deepEqual(shown(), ["sending", 33, 10, 30, 1, 2, 1]);
  counters.advance(0, "unknown", 7);
  counters.resume("unknown", 7);
  assert.deepEqual(shown().slice(0, 4), ["sending", 33, 10, 30]);
});

Deno.test("progress: memory does not grow with the number of files", () => {
  const { counters, shown } = tallyOf();
  counters.plan(100_000, 100_000);
  for (let index = 0; index < 100_000; index++) {
    counters.begin(index, `f${index}`, 1);
    counters.advance(index, `f${index}`, 1);
    if (index >= 16) counters.succeed(`f${index - 16}`, 1);
  }
  assert.deepEqual(shown().slice(0, 6), ["approval", 99, 100_000, 100_000, 99_984, 100_000]);
});

Deno.test("progress: files that failed before the total was known are left out of the total", () => {
  const { counters, shown } = tallyOf("get");
  counters.fail("missing");
  counters.plan(2, 30);
  counters.begin(0, "a", 10);
  counters.advance(0, "a", 10);
  assert.deepEqual(shown(), ["getting", 33, 10, 30, 0, 3, 1], "b has not begun yet");
  counters.succeed("a", 10);
  assert.deepEqual(shown(), ["getting", 33, 10, 30, 1, 3, 1]);
});

for (const end of ["fail", "succeed"] as const) {
  Deno.test(`progress: after a ${end}, the line names a file in progress`, () => {
    const { counters, state } = tallyOf();
    counters.plan(3, 30);
    for (const name of ["a", "b"]) counters.begin(0, name, 10);
    counters.advance(0, "b", 10);
    assert.equal(state().name, "b");
    counters[end]("b", 10);
    assert.equal(state().name, "a");
    counters[end]("a", 10);
    assert.equal(state().name, end === "fail" ? "" : "a", "none is in progress");
  });
}
