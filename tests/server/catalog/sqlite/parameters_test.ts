/** Deno 2.4 refuses values for numbered parameters of SQLite, such as `?1`. */
import assert from "node:assert/strict";

const OPERATIONS = new URL("../../../../server/catalog/sqlite/operations/", import.meta.url);

Deno.test("SQLite: no statement has a numbered parameter", async () => {
  for await (const { name } of Deno.readDir(OPERATIONS)) {
    assert.doesNotMatch(await Deno.readTextFile(new URL(name, OPERATIONS)), /\?\d/, name);
  }
});
