/** Stored files: versions, overwriting, refusals. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  catalogTest,
  enrolV3,
  garbageOf,
  id,
  inlineFile,
  key,
  login,
  NO_QUOTA,
  partial,
  stored,
  tree,
  upload,
  v3File,
  v4File,
  withBytes,
} from "../../../support/store/catalog_suite.ts";

catalogTest(
  "a file overwrites the one of the same name, whose blob becomes garbage",
  async (catalog) => {
    await enrolV3(catalog);
    await catalog.blobs.reserve(blob(1));
    const first = v3File(1, { size: 2 ** 32 - 273, crc: 2 ** 32 - 1, verified: false });
    assert.deepEqual(await catalog.files.commit(first), { version: 1, garbage: [] });
    assert.deepEqual(await garbageOf(catalog), [], "its blob is no longer reserved");
    assert.deepEqual(await catalog.files.find(alice, "a"), stored(first));
    const next = v3File(2, { storedAt: 4000 });
    assert.deepEqual(await catalog.files.commit(next), { version: 2, garbage: [blob(1)] });
    assert.deepEqual(await catalog.files.listAll(alice), [stored(next, 2)]);
    assert.deepEqual(await garbageOf(catalog), [blob(1)]);
    assert.equal((await catalog.accounts.find({ id: alice }))?.lastSeen, 4000);
  },
);

catalogTest(
  "a file of a missing account is refused and changes nothing",
  async (catalog) => {
    await catalog.blobs.reserve(blob(1));
    await assert.rejects(catalog.files.commit(v3File(1)));
    assert.deepEqual(await garbageOf(catalog), [blob(1)]);
  },
);

catalogTest("a blob belongs to one file", async (catalog) => {
  await enrolV3(catalog);
  await catalog.files.commit(v3File(1));
  await assert.rejects(catalog.files.commit(v3File(1, { name: "b" })));
  assert.equal((await catalog.files.listAll(alice)).length, 1);
});

catalogTest("a commit says how many old versions are kept", async (catalog) => {
  await enrolV3(catalog);
  const store = async (number: number, keep: number) =>
    (await catalog.files.commit(v3File(number), { keep })).garbage;
  for (const number of [1, 2, 3]) assert.deepEqual(await store(number, 2), []);
  assert.deepEqual(await store(4, 2), [blob(1)]);
  assert.deepEqual(await store(5, Infinity), []);
  const versions = await catalog.files.versions(alice, "a", { limit: 9 });
  assert.deepEqual(versions.map(({ version, current, crc }) => [version, current, crc]), [
    ...[[5, true, 5], [4, false, 4], [3, false, 3], [2, false, 2]],
  ]);
  assert.deepEqual((await store(6, 0)).toSorted(), [2, 3, 4, 5].map(blob));
  assert.deepEqual(await garbageOf(catalog), [1, 2, 3, 4, 5].map(blob));
});

catalogTest("a damaged version with the same content is not kept", async (catalog) => {
  await login(catalog);
  const content = { size: 10, crc: 7 };
  const store = async (number: number, changes = {}) =>
    (await catalog.files.commit(v4File(number, { ...content, ...changes }), { keep: 9 })).garbage;
  await store(1);
  await catalog.files.setDamage(blob(1), "content");
  assert.deepEqual(await store(2, { size: 11 }), []);
  assert.deepEqual(await store(3, { crc: 8 }), []);
  assert.deepEqual(await store(4, { tree: { mtime: 5, digest: key(9) } }), []);
  assert.deepEqual(await store(5), [blob(1)]);
  assert.equal((await catalog.files.find(alice, "a"))?.damage, undefined);
});

catalogTest("a damaged version of protocol 3 is compared by its checksum", async (catalog) => {
  await enrolV3(catalog);
  const same = (number: number, changes = {}) => v3File(number, { crc: 7, ...changes });
  await catalog.files.commit(same(1));
  await catalog.files.setDamage(blob(1), "missing");
  const { garbage } = await catalog.files.commit(same(2, { tree }), { keep: 9 });
  assert.deepEqual(garbage, [blob(1)]);
});

catalogTest(
  "quotas: the account's own takes precedence over the default, bytes and files independently",
  async (catalog) => {
    await login(catalog);
    const store = (number: number, name: string) =>
      catalog.files.commit(v4File(number, { name }), { quota: { bytes: 15, files: 1 } });
    const own = (quota: { bytes?: number; files?: number }) =>
      catalog.accounts.update(alice, { quota });
    await store(1, "a");
    await assert.rejects(store(2, "b"), new CatalogRefusal("quota-bytes"));
    await own({ bytes: 25 });
    await assert.rejects(store(2, "b"), new CatalogRefusal("quota-files"));
    await own({ bytes: 25, files: Infinity });
    await store(2, "b");
    await assert.rejects(store(3, "c"), new CatalogRefusal("quota-bytes"));
    await own({});
    await assert.rejects(store(3, "a"), new CatalogRefusal("quota-bytes"), "they are too many");
    await catalog.files.remove(alice, "b");
    assert.equal((await store(3, "a")).version, 2, "an overwritten file is not counted");
  },
);

catalogTest("old versions and partial uploads count with their bytes", async (catalog) => {
  await login(catalog);
  const store = (number: number, bytes: number) =>
    catalog.files.commit(v4File(number), { keep: 9, quota: { bytes, files: 1 } });
  await store(1, 10);
  await assert.rejects(store(2, 19), new CatalogRefusal("quota-bytes"));
  await store(2, 20);
  await catalog.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
  await assert.rejects(store(3, 34), new CatalogRefusal("quota-bytes"));
  await store(3, 35);
});

catalogTest("a commit ends its own partial upload, and no other", async (catalog) => {
  await login(catalog);
  for (const number of [1, 2]) {
    await catalog.uploads.save(partial(number), { max: 9, quota: NO_QUOTA });
  }
  // The quota has room for the file only.
  const options = { staged: upload(1), quota: { bytes: 15, files: 1 } };
  const { garbage } = await catalog.files.commit(v4File(1, { name: "file1" }), options);
  assert.deepEqual(garbage, []);
  assert.equal(await catalog.uploads.find(alice, "file1"), undefined);
  assert.deepEqual(await catalog.uploads.find(alice, "file2"), partial(2));
  assert.deepEqual(await garbageOf(catalog), []);
});

catalogTest("a commit that is refused changes nothing", async (catalog) => {
  await login(catalog);
  await catalog.files.commit(v4File(1));
  await catalog.uploads.save(partial(1, { name: "a" }), { max: 9, quota: NO_QUOTA });
  await catalog.blobs.reserve(blob(2));
  const options = { staged: upload(1), quota: { bytes: 9, files: 9 } };
  await assert.rejects(catalog.files.commit(v4File(2), options), CatalogRefusal);
  assert.deepEqual(await catalog.files.listAll(alice), [stored(v4File(1))]);
  assert.deepEqual(await catalog.uploads.find(alice, "a"), partial(1, { name: "a" }));
  assert.deepEqual(await garbageOf(catalog), [blob(2)]);
});

catalogTest(
  "content in the catalog appears and disappears with its row, and is never garbage",
  async (catalog) => {
    await login(catalog);
    const [first, next] = [inlineFile(1), inlineFile(2)];
    await catalog.files.commit(withBytes(first, key(1)));
    assert.deepEqual(await catalog.files.content(first.content.id), key(1));
    const replaced = await catalog.files.commit(withBytes(next, key(2)));
    assert.deepEqual(replaced, { version: 2, garbage: [] });
    assert.equal(await catalog.files.content(first.content.id), undefined);
    assert.deepEqual(await catalog.files.content(next.content.id), key(2));
    assert.deepEqual(await catalog.files.remove(alice, "a"), []);
    assert.deepEqual(await garbageOf(catalog), []);
  },
);

catalogTest("names are refused exactly if one is a folder of another", async (catalog) => {
  await login(catalog);
  const part = fc.constantFrom("a", "a-", "a0", "-", "0", "\u{10000}");
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(name, { maxLength: 12 }), async (names) => {
      await Promise.all(
        (await catalog.files.listAll(alice)).map(({ name }) => catalog.files.remove(alice, name)),
      );
      const stored = new Set<string>();
      for (const name of names) {
        const fits = [...stored].every((other) =>
          !other.startsWith(`${name}/`) && !name.startsWith(`${other}/`)
        );
        const commit = catalog.files.commit(v4File(++number, { name }));
        if (!fits) await assert.rejects(commit, new CatalogRefusal("name-conflict"));
        else await commit;
        if (fits) stored.add(name);
      }
    }),
    { numRuns: 100, seed: 7 },
  );
});

catalogTest("protocol 3 has no folders: its names never conflict", async (catalog) => {
  await enrolV3(catalog);
  for (const [i, name] of ["a/b", "a", "a/b/c"].entries()) {
    await catalog.files.commit(v3File(i, { name }));
  }
  assert.equal((await catalog.files.list(alice, { limit: 9 })).length, 3);
});

catalogTest("accounts don't see each other's files", async (catalog) => {
  await enrolV3(catalog);
  await enrolV3(catalog, id(2), "Bob");
  await catalog.files.commit(v3File(1));
  const bobs = await catalog.files.commit(v3File(2, { accountId: id(2) }));
  assert.deepEqual(bobs, { version: 1, garbage: [] });
  assert.deepEqual(await catalog.files.list(alice, { limit: 9 }), [stored(v3File(1))]);
});
