/** The generated pages are up to date. */
import assert from "node:assert/strict";
import { EVENTS } from "../../cli/events/mod.ts";
import { isUpToDate, PAGES } from "../../scripts/docs.ts";
import { jsonPage } from "../../scripts/docs/json.ts";
import { checkEvent } from "../support/events.ts";

for (const [path, make] of Object.entries(PAGES)) {
  Deno.test(`${path} is up to date`, async () => {
    assert.ok(await isUpToDate(path, make()), "deno task docs");
    assert.ok(!await isUpToDate(path, `${make()}more`));
  });
}

Deno.test("docs/json.md describes every event", () => {
  const described = jsonPage().match(/(?<=^### `)[\w-]+/gm) ?? [];
  assert.deepEqual(described.toSorted(), Object.keys(EVENTS).toSorted());
});

Deno.test("the examples of docs/json.md are events", () => {
  const examples = jsonPage().match(/^\{"event".*$/gm) ?? [];
  assert.ok(examples.length > 0);
  for (const example of examples) checkEvent(JSON.parse(example));
});
