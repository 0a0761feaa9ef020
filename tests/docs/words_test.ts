/** Texts hold no word that docs/style.md rules out. */
import assert from "node:assert/strict";
import { findWords } from "../../scripts/words.ts";

Deno.test("words: docs/style.md is kept", async () => {
  assert.deepEqual(await findWords(), []);
});
