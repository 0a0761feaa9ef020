/** The entries of a run in memory: encoded, in order, with a group and a state. */
import assert from "node:assert/strict";
import { EntryTable } from "../../../client/v4/entry_table.ts";
import { FoldedPaths } from "../../../client/local/folded_paths.ts";
import { ContentComparison } from "../../../client/local/content_comparison.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { FILE } from "../../support/v4/message_fields.ts";

type State = 0 | 1 | 2;
const SUMS = { size: 0, cksum: 0, digest: new Uint8Array(32) };

Deno.test("entry table: thousands of entries come back in order, with their groups and states", () => {
  const table = new EntryTable<string, State>(0);
  const count = 5000;
  const describe = (i: number) => ({
    ...{ ...FILE, name: `${"folder/".repeat(i % 20)}${i}`, size: i, version: i + 1 },
    mode: i % 3 === 0 ? undefined : i % 0o7777,
    cksum: i,
    digest: pseudoRandomBytes(32, i),
  });
  for (let i = 0; i < count; i++) {
    table.add(describe(i), i < 10 ? "first" : "second", i % 7 === 0 ? 1 : undefined);
  }
  assert.equal(table.count, count);
  let at = 0;
  for (const { index, file, group } of table.rows()) {
    assert.equal(index, at);
    assert.deepEqual(file, describe(index));
    assert.equal(group, index < 10 ? "first" : "second");
    at++;
  }
  assert.equal(at, count);
  for (let i = count - 1; i >= 0; i -= i > count - 5 || i < 15 ? 1 : 97) {
    const { index, file, group } = table.row(i);
    assert.equal(index, i);
    assert.deepEqual(file, describe(i));
    assert.equal(group, i < 10 ? "first" : "second");
  }
  assert.deepEqual([...table.rows(1)].map(({ index }) => index % 7), Array(715).fill(0));
  table.setState(3, 2);
  assert.deepEqual([...table.rows(2)].map(({ file }) => file.size), [3]);
  assert.equal(table.stateOf(3), 2);
});

Deno.test("entry table: a state that changes during a pass counts", () => {
  const table = new EntryTable<string, State>(0);
  for (let i = 0; i < 10; i++) table.add({ ...FILE, ...SUMS, name: `${i}` }, "g");
  const seen: number[] = [];
  for (const { index } of table.rows(0)) {
    seen.push(index);
    if (index + 1 < 10) table.setState(index + 1, 1);
  }
  assert.deepEqual(seen, [0, 2, 4, 6, 8]);
});

Deno.test("entry table: a row of the last segment: also after others were added", () => {
  const table = new EntryTable<string, State>(0);
  for (let i = 0; i < 3; i++) {
    table.add({ ...FILE, ...SUMS, name: `${i}` }, "g");
    assert.deepEqual([0, i].map((index) => table.row(index).file.name), ["0", `${i}`]);
  }
});

Deno.test("entry table: without entries, it has no rows", () => {
  assert.deepEqual([...new EntryTable<string, State>(0).rows()], []);
});

Deno.test("folded paths: each path is found again, also in another case and form", () => {
  const paths = new FoldedPaths();
  for (let i = 0; i < 20_000; i++) assert.equal(paths.add(`folder/${i}/name`), false, `${i}`);
  for (let i = 0; i < 20_000; i++) assert.equal(paths.add(`FOLDER/${i}/Name`), true, `${i}`);
  assert.equal(paths.add("\u00e9"), false);
  assert.equal(paths.add("E\u0301"), true);
  assert.equal(paths.add(""), false);
  assert.equal(paths.add(""), true);
});

Deno.test("content comparison: size and digest must be those of the file", async () => {
  await using folder = await TemporaryFolder.create();
  const comparison = new ContentComparison(1000);
  for (const size of [0, 1, 999, 1000]) {
    const content = pseudoRandomBytes(size, size);
    await Deno.writeFile(folder.join("a"), content);
    const sums = new ChunkDigests(size);
    if (size > 0) sums.add(0, content.slice());
    const { digest } = sums.sums();
    assert.equal(comparison.isSame(folder.join("a"), { size, digest }), true, `${size}`);
    assert.equal(comparison.isSame(folder.join("a"), { size: size + 1, digest }), false);
    if (size > 0) {
      assert.equal(comparison.isSame(folder.join("a"), { size: size - 1, digest }), false);
      assert.equal(
        comparison.isSame(folder.join("a"), { size, digest: new Uint8Array(32) }),
        false,
      );
    }
  }
  assert.equal(comparison.isSame(folder.join("b"), { size: 0, digest: new Uint8Array(32) }), false);
  assert.equal(comparison.isSame(folder.path, { size: 0, digest: new Uint8Array(32) }), false);
});
