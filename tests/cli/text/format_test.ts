/** Text that several commands share. */
import assert from "node:assert/strict";
import { plural, reflow } from "../../../cli/text/format.ts";

Deno.test("reflow: paragraphs are wrapped, indented lines stay as they are", () => {
  const text =
    "\nExample:\n  $ a line of a shell, however long it is\n\nOne two three\nfour five.\n";
  assert.equal(reflow(text, 100), text.replace("three\nfour", "three four"));
  assert.equal(
    reflow(text, 9),
    "\nExample:\n  $ a line of a shell, however long it is\n\nOne two\nthree\nfour\nfive.\n",
  );
  assert.equal(reflow("", 80), "");
});

Deno.test("plural: one thing, and several", () => {
  const several = ["file", "entry", "key"].flatMap((what) => [plural(1, what), plural(2, what)]);
  assert.deepEqual(several, ["1 file", "2 files", "1 entry", "2 entries", "1 key", "2 keys"]);
});
