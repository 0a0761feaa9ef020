/** Checks texts against the words that docs/style.md rules out. */
import assert from "node:assert/strict";
import { findWords } from "../../scripts/words.ts";

Deno.test("words: texts follow docs/style.md", async () => {
  assert.deepEqual(await findWords(), []);
});
