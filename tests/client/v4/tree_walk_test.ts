/** The order in which folders are walked: that of a server's list. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { compareNames } from "../../../client/v4/listing.ts";
import { compareForms } from "../../../client/v4/name_order.ts";
import { collectAll, entriesOf } from "../../support/collected_files.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const ignore = Deno.build.os !== "linux";
/** Characters around `/` in ASCII, with accents, and some that UTF-8 and UTF-16 order otherwise. */
const CHARACTERS = [" ", "-", ".", "0", "a", "b", "é", "e\u0301", "\ud7ff", "\uff5e", "\u{1f600}"];
const name = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 3 })
  .filter((name) => name !== "." && name !== "..");

Deno.test("walk: names are compared as servers do, in every form", () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      const expected = Math.sign(compareNames(a, b));
      assert.equal(Math.sign(compareForms(a.normalize("NFC"), b.normalize("NFC"))), expected);
    }),
    { numRuns: 2000 },
  );
});

Deno.test({ name: "walk: the order is that of a server's list", ignore }, async () => {
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  await fc.assert(
    fc.asyncProperty(fc.array(path, { maxLength: 25 }), async (paths) => {
      await using folder = await TemporaryFolder.create();
      await Deno.mkdir(folder.join("d"));
      for (const path of paths) {
        try {
          await Deno.mkdir(folder.join("d", path, ".."), { recursive: true });
          await Deno.writeTextFile(folder.join("d", path), "");
        } catch {
          continue; // a folder or a file has the name
        }
      }
      const { entries, failures } = await collectAll({
        ...{ paths: [folder.join("d")], identityFolder: "none" },
      });
      for (const { error } of failures) assert.equal(error.code, "same-name");
      for (const [i, { remoteName, form }] of entries.entries()) {
        assert.equal(form, remoteName.normalize("NFC"));
        const before = entries[i - 1];
        if (before !== undefined) assert.ok(compareNames(before.remoteName, remoteName) < 0);
      }
      const all = await Array.fromAsync(walk(folder.join("d"), "d"));
      assert.ok(failures.length > 0 || entries.length === all.length + 1);
    }),
    { numRuns: 60 },
  );
});

async function* walk(path: string, name: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(path)) {
    yield `${name}/${entry.name}`;
    if (entry.isDirectory) yield* walk(`${path}/${entry.name}`, `${name}/${entry.name}`);
  }
}

Deno.test("walk: a folder's content comes at its name and a slash, after names that sort between", async () => {
  await using folder = await TemporaryFolder.create();
  for (const path of ["d/a", "d/a-b", "d/a0"]) {
    await Deno.mkdir(folder.join(path), { recursive: true });
  }
  for (const path of ["d/a/x", "d/a.txt", "d/a-b/y", "d/a0/z"]) await folder.write(path, "");
  const collected = await collectAll({ paths: [folder.join("d")], identityFolder: "none" });
  assert.deepEqual(entriesOf(collected), [
    ...["folder d", "folder d/a", "folder d/a-b", "file d/a-b/y", "file d/a.txt", "file d/a/x"],
    ...["folder d/a0", "file d/a0/z"],
  ]);
});

Deno.test("walk: folders with one name each follow another; their content is found under the right one", async () => {
  await using folder = await TemporaryFolder.create();
  for (const path of ["x/d/e", "y/d/e"]) await Deno.mkdir(folder.join(path), { recursive: true });
  for (const path of ["x/d/e/1", "y/d/e/1", "y/d/e/2"]) await folder.write(path, "");
  const paths = ["x/d", "y/d"].map((path) => folder.join(path));
  const collected = await collectAll({ paths, identityFolder: "none" });
  assert.deepEqual(entriesOf(collected), ["folder d", "folder d/e", "file d/e/1"]);
  assert.deepEqual(collected.failures.map(({ error }) => error.code), ["same-name"]);
});
