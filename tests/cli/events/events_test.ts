/** The table of events: every event can be said to people and to programs, whatever it holds. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  asideOf,
  definitionOf,
  type Event,
  type EventName,
  EVENTS,
  schemaOfEvent,
  toJson,
  wordsOf,
} from "../../../cli/events/mod.ts";
import type { Schema } from "../../../cli/events/definition.ts";
import { coloured, plain } from "../../../cli/text/colors.ts";
import { checkEvent } from "../../support/events.ts";

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
  Deno.test(`event ${name}: a line of JSON that fits its schema, and words that are safe to show`, () => {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    const { kind, what, aside, fields } = definitionOf({ event: name });
    assert.match(what, /^[A-Z].*\.$/);
    assert.ok(aside === undefined || kind === "result");
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
        for (const text of [wordsOf(event, plain), asideOf(event, plain)]) {
          if (text === undefined) continue;
          words++;
          assert.doesNotMatch(text, /undefined|null|NaN|\[object/);
          // deno-lint-ignore no-control-regex
          assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u{e0001}]/u);
        }
        // deno-lint-ignore no-control-regex
        const uncoloured = wordsOf(event, coloured)?.replaceAll(/\x1b\[\d+m/g, "");
        assert.equal(uncoloured, wordsOf(event, plain));
      }),
      { numRuns: 50 },
    );
    assert.ok(words > 0, "something is said");
  });
}

Deno.test("a text of a peer's can't begin a line of its own", () => {
  const event = { event: "removed", name: "a\nStored b" } as const;
  assert.equal(wordsOf(event, plain), "Removed a\\u{a}Stored b");
  assert.equal(toJson(event), '{"event":"removed","name":"a\\nStored b"}');
});

Deno.test("the stack of an error has lines, each safe to show", () => {
  const stack = "Error: No\n    at \x1b[31m";
  const event = { event: "error", code: "x", class: "io", message: "No", stack } as const;
  assert.equal(wordsOf(event, plain), "xfer: No [x]\nError: No\n    at \\u{1b}[31m");
});
