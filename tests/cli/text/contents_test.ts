/** Numbers of entries, for people. */
import assert from "node:assert/strict";
import { contents, EntryTotals } from "../../../cli/text/contents.ts";
import { presentation } from "../../../cli/text/presentation.ts";

Deno.test("contents: only what is there, folders first", () => {
  assert.equal(contents({ files: 0, folders: 0, links: 0 }), "nothing");
  assert.equal(contents({ files: 1, folders: 0, links: 2 }), "1 file, 2 links");
  assert.equal(contents({ files: 3, folders: 1, links: 1 }), "1 folder, 3 files, 1 link");
});

Deno.test("totals: the bytes of files, and not the lengths of links", () => {
  const totals = new EntryTotals();
  assert.equal(totals.words(presentation()), "No entries");
  totals.add({ kind: "folder", size: 0 });
  assert.equal(totals.words(presentation()), "1 folder");
  totals.add({ kind: "link", size: 7 });
  totals.add({ kind: "file", size: 1000 });
  totals.add({ kind: "file", size: 24 });
  assert.equal(totals.words(presentation()), "1 folder, 2 files, 1 link (1.0 KiB)");
  assert.deepEqual([totals.entries, totals.size], [4, 1024]);
});
