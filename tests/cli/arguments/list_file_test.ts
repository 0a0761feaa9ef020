/** Lists of paths and patterns in files. */
import assert from "node:assert/strict";
import { readListFile } from "../../../cli/arguments/list_file.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

Deno.test("lists: one item per line, whatever ends it; empty lines are none", async () => {
  await using folder = await TemporaryFolder.create();
  const cases: readonly (readonly [content: string, items: string[]])[] = [
    ["", []],
    ["\n\n", []],
    ["a", ["a"]],
    ["a\nb c\n", ["a", "b c"]],
    ["a\r\n\r\nb\r\n", ["a", "b"]],
    [" a \n#b", [" a ", "#b"]],
    ["ü\n\u{1f600}", ["ü", "\u{1f600}"]],
  ];
  for (const [content, items] of cases) {
    assert.deepEqual(await readListFile(await folder.write("list", content)), items, content);
  }
});

Deno.test("lists: items that end with NUL may contain line breaks", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("list", "a\nb\0c\0\0d\r\n");
  assert.deepEqual(await readListFile(path, { nul: true }), ["a\nb", "c", "d\r\n"]);
});

Deno.test("lists: what is not UTF-8 or not there is an error that names the file", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("list", Uint8Array.of(0x61, 0xff));
  await assert.rejects(readListFile(path), (error: Error & { code: string }) => {
    assert.equal(error.code, "bad-list");
    assert.ok(error.message.includes(path));
    return true;
  });
  await assert.rejects(readListFile(folder.join("none")), { code: "cannot-read" });
});
