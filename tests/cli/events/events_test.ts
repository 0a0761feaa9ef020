/** The table of events: every event has a line of JSON and words for people, whatever it holds. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  definitionOf,
  type Event,
  type EventName,
  type EventOf,
  EVENTS,
  noteOf,
  schemaOfEvent,
  toJson,
  wordsOf,
} from "../../../cli/events/mod.ts";
import type { Schema } from "../../../cli/events/definition.ts";
import { colored } from "../../../cli/text/colors.ts";
import { presentation, type PresentationOptions } from "../../../cli/text/presentation.ts";
import { checkEvent } from "../../support/events.ts";

const PLAIN = presentation();
const SHOWN = [PLAIN, presentation({ bytes: true, isTerminal: true, interrupted: 1 })];
const COLORED = presentation({ paint: colored });

const NAMES = Object.keys(EVENTS) as EventName[];

/** Letters, and what a terminal takes for more than a letter. */
const TEXT = fc.string({
  unit: fc.constantFrom("a", " ", "ü", "\x1b", "\x9b", "\n", "\u202e", "\u{e0001}", '"'),
});

/** Any value that fits a schema. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueOf));
  switch (schema.type) {
    case "string":
      return schema.format === "date-time"
        ? fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-01-01") })
          .map((date) => date.toISOString())
        : TEXT;
    case "integer":
      return fc.nat();
    case "number":
      return fc.double({ min: 0, max: 1e6, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(valueOf(schema.items as Schema), { maxLength: 3 });
    case "object":
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, valueOf(inner)]),
        ),
        { requiredKeys: [...schema.required ?? []], noNullPrototype: true },
      );
    default:
      throw new Error(`No values are known for ${JSON.stringify(schema)}`);
  }
}

function anyEvent(name: EventName): fc.Arbitrary<Event> {
  return valueOf(schemaOfEvent(name)) as fc.Arbitrary<Event>;
}

for (const name of NAMES) {
  Deno.test(`event ${name}: JSON that fits its schema, and words that are safe to print`, () => {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    const { kind, what, note, fields } = definitionOf({ event: name });
    assert.match(what, /^[A-Z].*\.$/);
    assert.ok(note === undefined || kind === "result");
    for (const [field, { schema }] of Object.entries(fields)) {
      assert.ok(schema.description !== undefined, `${field} is described`);
    }
    let words = 0;
    fc.assert(
      fc.property(anyEvent(name), (event) => {
        const json = toJson(event);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(json, /[\x00-\x1f\x7f-\x9f\u202e\u{e0001}]/u);
        assert.deepEqual(checkEvent(JSON.parse(json)), { ...event });
        for (
          const text of SHOWN.flatMap((show) => [
            wordsOf(event, show),
            noteOf(event, () => show),
          ])
        ) {
          if (text === undefined) continue;
          words++;
          assert.doesNotMatch(text, /undefined|null|NaN|\[object/);
          // deno-lint-ignore no-control-regex
          assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u{e0001}]/u);
        }
        // deno-lint-ignore no-control-regex
        const uncolored = wordsOf(event, COLORED)?.replaceAll(/\x1b\[\d+m/g, "");
        assert.equal(uncolored, wordsOf(event, PLAIN));
      }),
      { numRuns: 50 },
    );
    assert.ok(words > 0, "the event has words");
  });
}

Deno.test("events: text from a peer cannot begin a line", () => {
  const event = { event: "forgot", server: "a\nUploaded b" } as const;
  assert.equal(wordsOf(event, PLAIN), "Removed a\\u{a}Uploaded b from known_servers");
  assert.equal(toJson(event), '{"event":"forgot","server":"a\\nUploaded b"}');
});

Deno.test("events: the stack of an error has several lines, each safe to print", () => {
  const stack = "Error: No\n    at \x1b[31m";
  const event = { event: "error", code: "x", class: "io", message: "No", stack } as const;
  assert.equal(wordsOf(event, PLAIN), "xfer: No [x]\nError: No\n    at \\u{1b}[31m");
});

const printed = (event: Event, options: PresentationOptions = {}) =>
  wordsOf(event, presentation(options));

const STORED: Event = {
  ...{ event: "stored", name: "sea.jpg", path: "photos/sea.jpg" },
  kind: "file",
  ...{ size: 3_650_722_201, cksum: 7 },
  ...{ user: "Alice", server: "example.org:1256" },
};

Deno.test("events: sizes are human, and exact with --bytes", () => {
  assert.equal(printed(STORED), "Uploaded photos/sea.jpg as sea.jpg (3.3 GiB, cksum 7)");
  assert.equal(
    printed(STORED, { bytes: true }),
    "Uploaded photos/sea.jpg as sea.jpg (3650722201 bytes, cksum 7)",
  );
  assert.equal(printed({ ...STORED, path: "sea.jpg" }), "Uploaded sea.jpg (3.3 GiB, cksum 7)");
});

Deno.test("events: times are UTC in a pipe, local on a terminal", () => {
  const event: Event = {
    ...{ event: "key", user: "Alice", fingerprint: "SHA256:x" },
    added: "2026-01-02T03:04:05.678Z",
  };
  assert.equal(printed(event), "SHA256:x  added 2026-01-02T03:04:05Z");
  const date = new Date(event.added);
  const local = `${date.getFullYear()}-${`${date.getMonth() + 1}`.padStart(2, "0")}-`;
  const shown = printed(event, { isTerminal: true }) ?? "";
  assert.ok(shown.startsWith(`SHA256:x  added ${local}`), shown);
  assert.match(shown, /\d\d:04:05$/, "zones differ by quarters of an hour from UTC");
});

Deno.test("summary: files, bytes, unchanged, skipped, interrupted and failed files", () => {
  const summary = (fields: Partial<EventOf<"summary">>, interrupted = 0) =>
    printed(
      { event: "summary", action: "put", done: 0, failed: 0, bytes: 0, ...fields },
      { interrupted },
    );
  const all = { done: 120, bytes: 3_650_722_201, unchanged: 18, skipped: 2, failed: 4 };
  assert.equal(
    summary(all, 3),
    "Uploaded 120 files (3.3 GiB), 18 unchanged, 2 skipped, 3 interrupted, 1 failed",
  );
  assert.equal(
    summary({ ...all, unchanged: 0, skipped: 0, failed: 0, action: "get" }),
    "Downloaded 120 files (3.3 GiB)",
  );
  assert.equal(summary({ failed: 2 }, 2), "Uploaded nothing, 2 interrupted", "not failed");
  assert.equal(
    summary({ unchanged: 18, skipped: 1 }),
    "Nothing to do: everything is already on the server (18 entries), 1 skipped",
  );
  assert.equal(
    summary({ unchanged: 1, action: "get" }),
    "Nothing to do: everything is already here (1 entry)",
  );
  assert.equal(summary({ unchanged: 1, failed: 1 }), "Uploaded nothing, 1 unchanged, 1 failed");
  assert.equal(
    summary({ done: 2, failed: 1, action: "remove", bytes: undefined }),
    "Removed 2 files, 1 failed",
  );
  assert.equal(summary({ done: 1, bytes: 1 }), undefined, "the line of the file says it");
});

Deno.test("failures: interrupted files are not failed", () => {
  const put = (state: "not-stored" | "unknown" | "not-tried", code: string) =>
    printed({ event: "not-stored", path: "a", state, code });
  assert.equal(put("not-stored", "cannot-read"), "Failed to upload a");
  assert.equal(put("not-stored", "interrupted"), "Interrupted: a");
  assert.equal(put("not-tried", "interrupted"), "Not started: a");
  assert.equal(
    put("unknown", "interrupted"),
    "Unconfirmed: a may be on the server. Upload it again to be sure",
  );
  const event = { event: "not-got", name: "a", target: "a" } as const;
  assert.equal(printed({ ...event, code: "no-such-file" }), "Failed to download a");
  assert.equal(printed({ ...event, code: "interrupted" }), "Interrupted: a");
});

Deno.test("event would: says what would be done, where, and with how much", () => {
  const would = (fields: Omit<EventOf<"would">, "event">) =>
    wordsOf({ event: "would", ...fields }, PLAIN);
  assert.deepEqual([
    would({ action: "upload", place: "server", name: "./a", to: "a", size: 3 }),
    would({ action: "upload", place: "server", name: "-", to: "a" }),
    would({ action: "download", place: "here", name: "a", to: "a", size: 3 }),
    would({ action: "update", place: "server", name: "a", to: "a" }),
    would({ action: "remove", place: "server", name: "photos", entries: 2, size: 2048 }),
    would({ action: "remove", place: "here", name: "photos/a" }),
    would({ action: "rename", place: "server", name: "a", to: "b", entries: 1, size: 3 }),
  ], [
    "Would upload ./a as a (3 B)",
    "Would upload standard input as a",
    "Would download a (3 B)",
    "Would update a",
    "Would remove photos on the server (2 entries, 2.0 KiB)",
    "Would delete photos/a on this machine",
    "Would rename a to b (1 entry, 3 B)",
  ]);
});
