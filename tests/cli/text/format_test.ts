/** Text that several commands share. */
import assert from "node:assert/strict";
import { reflow } from "../../../cli/text/format.ts";

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
