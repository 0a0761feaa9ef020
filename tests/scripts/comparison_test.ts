/** The tables of docs/comparison.md. */
import assert from "node:assert/strict";
import { withTable } from "../../scripts/comparison/with_table.ts";

const PAGE =
  "# Title\n\n| a |\n\n## Kept\n\nWords.\n\n| b |\n| - |\n| 1 |\n\nMore.\n\n## Other features\n";

Deno.test("comparison: a new table replaces that of its section, and nothing else", () => {
  assert.equal(
    withTable(PAGE, "kept", "| c |\n| - |"),
    PAGE.replace("| b |\n| - |\n| 1 |", "| c |\n| - |"),
  );
});

Deno.test("comparison: a section without a table, or no such section", () => {
  assert.throws(() => withTable(PAGE, "other features", "| c |"), /Other features/);
  assert.throws(() => withTable(PAGE, "resumed", "| c |"), /Resumed/);
});

Deno.test("comparison: every table has its section", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/comparison.md", import.meta.url));
  for (const section of ["kept", "resumed", "undone", "verified", "other features", "operating"]) {
    assert.match(withTable(page, section, "| new |"), /^\| new \|$/m);
  }
});
