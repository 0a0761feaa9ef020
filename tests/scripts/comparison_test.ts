/** docs/comparison.md has the rows that scripts/comparison/ tries, and no others. */
import assert from "node:assert/strict";
import { DISTURBED } from "../../scripts/comparison/disturbed.ts";
import { TOOLS } from "../../scripts/comparison/tools.ts";
import { KEPT, OTHERS, UNDONE, VERIFIED } from "../../scripts/comparison/trials.ts";

const page = await Deno.readTextFile(new URL("../../docs/comparison.md", import.meta.url));

/** The first column of the table below a heading, and the names of the other columns. */
function tableOf(heading: string): { columns: string[]; rows: string[] } {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const lines = section.split("\n## ")[0]?.split("\n").filter((line) => line.startsWith("|")) ?? [];
  const [head = [], , ...rows] = lines.map((line) => line.split(" | ").map((cell) => cell.trim()));
  return {
    columns: head.slice(1).map((cell) => cell.replace(/\s*\|$/, "")),
    rows: rows.map(([cell = ""]) => cell.replace(/^\|\s*/, "")),
  };
}

const TABLES = { Kept: KEPT, Resumed: DISTURBED, Undone: UNDONE, Verified: VERIFIED };

for (const [heading, rows] of Object.entries({ ...TABLES, "Other features": OTHERS })) {
  Deno.test(`comparison: the page has every row that is tried, and no other: ${heading}`, () => {
    assert.deepEqual(tableOf(heading), { columns: Object.keys(TOOLS), rows: Object.keys(rows) });
  });
}
