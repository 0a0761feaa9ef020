/** Stored files: found, listed in pages, renamed, removed, marked. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { CHUNKS_PAGE } from "../../../../server/catalog/bounds.ts";
import { pseudoRandomBytes } from "../../../support/bytes.ts";
import {
  alice,
  blob,
  bob,
  catalogTest,
  enrolV3,
  garbageOf,
  id,
  inlineFile,
  KEEP,
  key,
  login,
  stored,
  tree,
  v3File,
  v4File,
  withBytes,
} from "../../../support/store/catalog_suite.ts";

/** Stores files of Alice with these names, each with a numbered blob. */
async function storeAll(catalog: Catalog, names: readonly string[]): Promise<void> {
  await login(catalog);
  for (const [i, name] of names.entries()) await catalog.files.commit(v4File(i, { name }));
}

catalogTest("the current file is found, or one of its versions", async (catalog) => {
  await enrolV3(catalog);
  for (const number of [1, 2]) await catalog.files.commit(v3File(number), KEEP);
  const { files } = catalog;
  assert.deepEqual(await files.find(alice, "a"), stored(v3File(2), 2));
  assert.deepEqual(await files.find(alice, "a", { version: 1 }), stored(v3File(1), 1, 3000));
  assert.equal(await files.find(alice, "a", { version: 3 }), undefined);
  assert.equal(await files.find(alice, "b"), undefined);
  assert.equal(await files.find(bob, "a"), undefined);
});

catalogTest(
  "a file's details include its digests, and its content if the catalog keeps it",
  async (catalog) => {
    await login(catalog);
    const inline = inlineFile(1);
    await catalog.files.commit(withBytes(inline, key(1)), { chunks: key(2) });
    await catalog.files.commit(v4File(2, { name: "b" }), { chunks: key(3) });
    await catalog.files.commit(v4File(3, { name: "c" }));
    const all = (name: string) => catalog.files.find(alice, name, { want: "all" });
    assert.deepEqual(await all("a"), {
      ...{ ...stored(inline), bytes: key(1), chunks: { size: 32, first: key(2) } },
    });
    assert.deepEqual(await all("b"), {
      ...stored(v4File(2, { name: "b" })),
      chunks: { size: 32, first: key(3) },
    });
    assert.deepEqual(await all("c"), stored(v4File(3, { name: "c" })));
    assert.equal(await all("d"), undefined);
    assert.deepEqual(await catalog.files.find(alice, "a"), stored(inline), "only on request");
  },
);

catalogTest("digests are returned in pages; after the last one they are empty", async (catalog) => {
  await login(catalog);
  const digests = pseudoRandomBytes(CHUNKS_PAGE + 64, 4);
  await catalog.files.commit(v4File(1), { chunks: digests });
  const found = await catalog.files.find(alice, "a", { want: "all" });
  assert.deepEqual(found?.chunks, {
    ...{ size: digests.length, first: digests.slice(0, CHUNKS_PAGE) },
  });
  const page = (from?: number) => catalog.files.chunkDigests(blob(1), from);
  assert.deepEqual(await page(), digests.slice(0, CHUNKS_PAGE));
  assert.deepEqual(await page(CHUNKS_PAGE), digests.slice(CHUNKS_PAGE));
  assert.deepEqual(await page(digests.length), new Uint8Array(0));
  assert.equal(await catalog.files.chunkDigests(blob(9)), undefined);
});

catalogTest("current files are listed by name, after a name, with a prefix", async (catalog) => {
  await storeAll(catalog, ["z%", "ab", "a/c", "a/b"]);
  const names = async (prefix: string, after = "", limit = 10) =>
    (await catalog.files.list(alice, { prefix, after, limit })).map(({ name }) => name);
  assert.deepEqual(await names(""), ["a/b", "a/c", "ab", "z%"]);
  assert.deepEqual(await names("a/"), ["a/b", "a/c"]);
  assert.deepEqual(await names("a", "a/b", 1), ["a/c"]);
  assert.deepEqual(await names("b", "a/b"), []);
  assert.deepEqual(await names("z_"), [], "a prefix is not a pattern");
  assert.deepEqual(await catalog.files.list(bob, { limit: 9 }), []);
});

catalogTest(
  "names with a prefix are listed in pages, whatever characters follow",
  async (catalog) => {
    const name = fc.string({
      unit: fc.constantFrom("a", "b", "/", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
      maxLength: 4,
    });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 12 }),
        name,
        fc.integer({ min: 1, max: 3 }),
        async (names, prefix, limit) => {
          const accountId = id(++number);
          await login(catalog, { id: accountId, name: `User${number}` });
          const files = names.filter((name) => name !== "")
            .map((name) => v4File(++number, { accountId, name }));
          const commits = await Promise.allSettled(files.map((file) => catalog.files.commit(file)));
          const stored = files.map(({ name }) => name)
            .filter((_, i) => commits[i]?.status === "fulfilled");
          const found: string[] = [];
          for (let after = "";; after = found.at(-1) as string) {
            const page = await catalog.files.list(accountId, { prefix, after, limit });
            if (page.length === 0) break;
            found.push(...page.map(({ name }) => name));
          }
          const expected = stored.filter((name) => name.startsWith(prefix));
          assert.deepEqual(found.toSorted(), expected.toSorted());
        },
      ),
      { numRuns: 100, seed: 7 },
    );
  },
);

catalogTest("versions are listed newest first, in pages", async (catalog) => {
  await enrolV3(catalog);
  for (const number of [1, 2, 3]) await catalog.files.commit(v3File(number), KEEP);
  const versions = async (page: { before?: number; limit: number }) =>
    (await catalog.files.versions(alice, "a", page)).map(({ version }) => version);
  assert.deepEqual(await versions({ limit: 2 }), [3, 2]);
  assert.deepEqual(await versions({ before: 2, limit: 2 }), [1]);
  assert.deepEqual(await versions({ before: 1, limit: 2 }), []);
});

catalogTest("all files of an account are listed by name and version, in pages", async (catalog) => {
  await enrolV3(catalog);
  const all = [v3File(1), v3File(2), v3File(3, { name: "b" })];
  for (const file of all) await catalog.files.commit(file, KEEP);
  const expected = [
    stored(v3File(1), 1, 3000),
    stored(v3File(2), 2),
    stored(v3File(3, { name: "b" })),
  ];
  assert.deepEqual(await catalog.files.listAll(alice), expected);
  const page = await catalog.files.listAll(alice, { limit: 2 });
  assert.deepEqual(page, expected.slice(0, 2));
  assert.deepEqual(await catalog.files.listAll(alice, { after: page.at(-1) }), expected.slice(2));
  assert.deepEqual(await catalog.files.listAll(alice, { after: expected.at(-1) }), []);
});

catalogTest("all files of all accounts are iterated by their blobs", async (catalog) => {
  await enrolV3(catalog);
  await enrolV3(catalog, bob, "Bob");
  for (const number of [3, 1]) await catalog.files.commit(v3File(number), KEEP);
  await catalog.files.commit(v3File(2, { accountId: bob }));
  const paths = async (after: number | undefined, limit: number) =>
    (await catalog.files.scan(after === undefined ? after : blob(after), limit)).map((
      { content: { id: path } },
    ) => path);
  assert.deepEqual(await paths(undefined, 2), [blob(1), blob(2)]);
  assert.deepEqual(await paths(2, 2), [blob(3)]);
  assert.deepEqual(await paths(3, 2), []);
});

catalogTest(
  "a forgotten version leaves no garbage, and the rest of its name is history",
  async (catalog) => {
    await login(catalog);
    const { files } = catalog;
    for (const number of [1, 2]) await files.commit(v4File(number), KEEP);
    await files.forget(blob(2));
    await files.forget(blob(9));
    assert.deepEqual(await garbageOf(catalog), []);
    assert.equal(await files.find(alice, "a"), undefined);
    assert.equal((await files.find(alice, "a", { version: 1 }))?.content.id, blob(1));
    assert.equal((await files.rename(alice, "a", "c")).outcome, "missing");
    assert.equal((await files.commit(v4File(4), KEEP)).version, 2);
  },
);

catalogTest("digests are added to a file once, and to no other", async (catalog) => {
  await enrolV3(catalog);
  const { files } = catalog;
  await files.commit(v3File(1));
  await files.setDigests(blob(9), tree, key(1));
  assert.equal((await files.find(alice, "a"))?.tree, undefined);
  assert.equal(await files.chunkDigests(blob(1)), undefined);
  await files.setDigests(blob(1), tree, key(1));
  await files.setDigests(blob(1), { mtime: 9n, digest: key(9) }, key(2));
  assert.deepEqual(await files.find(alice, "a"), stored(v4File(1)));
  assert.deepEqual(await files.chunkDigests(blob(1)), key(1));
});

catalogTest(
  "files whose digest is not confirmed are listed, oldest first, until it is",
  async (catalog) => {
    await enrolV3(catalog);
    const { files } = catalog;
    await files.commit(v3File(1, { name: "v3" }));
    for (const number of [5, 2, 4, 3]) {
      await files.commit(v4File(number, { name: `${number}` }));
    }
    await files.commit(v4File(6, { name: "6", confirmedAt: 4000 }));
    const listed = async (after?: number, limit = 9) =>
      (await files.unconfirmed(after === undefined ? undefined : blob(after), limit))
        .map(({ name }) => name);
    assert.deepEqual(await listed(), ["5", "2", "4", "3"]);
    assert.deepEqual(await listed(2), ["4", "3"]);
    assert.deepEqual(await listed(undefined, 2), ["5", "2"]);
    await files.confirm(blob(2), 5000);
    await files.setDamage(blob(4), "content");
    assert.deepEqual(await listed(), ["5", "3"]);
    assert.deepEqual(await listed(2), ["3"], "after one that is confirmed");
    assert.equal((await files.find(alice, "2"))?.confirmedAt, 5000);
    await files.forget(blob(2));
    assert.deepEqual(await listed(2), ["5", "3"], "after one that no longer exists");
    await files.confirm(blob(9), 5000);
  },
);

catalogTest("damage of a file stays recorded until it is removed", async (catalog) => {
  await enrolV3(catalog);
  const { files } = catalog;
  await files.commit(v3File(1));
  for (const damage of ["missing", "size", "content", undefined] as const) {
    assert.equal(await files.setDamage(blob(1), damage), true);
    assert.equal(await files.setDamage(blob(1), damage), false, "it was already recorded");
    assert.equal((await files.find(alice, "a"))?.damage, damage);
  }
  assert.deepEqual(await files.find(alice, "a"), stored(v3File(1)));
  assert.equal(await files.setDamage(blob(9), "missing"), false, "no such file");
});

catalogTest("damaged files are counted and named, with old versions", async (catalog) => {
  await enrolV3(catalog);
  await enrolV3(catalog, bob, "Bob");
  const { files } = catalog;
  for (const [number, name] of [[1, "b"], [2, "b"], [3, "a"], [4, "c"]] as const) {
    await files.commit(v3File(number, { name }), KEEP);
  }
  await files.commit(v3File(5, { accountId: bob }));
  assert.deepEqual(await files.damaged(9), { count: 0, files: [] });
  for (const number of [1, 3, 5]) await files.setDamage(blob(number), "content");
  const { count, files: [first, ...others] } = await files.damaged(2);
  assert.deepEqual([count, others.length], [3, 1]);
  assert.deepEqual(first, (await files.damaged(1)).files[0]);
  const all = (await files.damaged(9)).files;
  const ofAlice = all.filter(({ content: { id } }) => id !== blob(5));
  assert.deepEqual(ofAlice, [
    stored(v3File(3, { name: "a", damage: "content" })),
    stored(v3File(1, { name: "b", damage: "content" }), 1, 3000),
  ]);
  assert.equal(all.length, 3);
});

catalogTest("a name can have the maximum length in any script", async (catalog) => {
  await login(catalog);
  const names = ["ü".repeat(1000), "\u{1f4c4}", "e\u0301"];
  for (const [i, name] of names.entries()) await catalog.files.commit(v4File(i, { name }));
  assert.equal((await catalog.files.list(alice, { limit: 9 })).length, names.length);
  for (const name of names) assert.equal((await catalog.files.find(alice, name))?.name, name);
  assert.equal(await catalog.files.find(id(9), "é"), undefined);
});
