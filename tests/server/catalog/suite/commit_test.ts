/** Stored files: versions, overwriting, refusals. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { QuotaChanges } from "../../../../server/catalog/accounts.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  concurrentCatalogTest,
  enrolV3,
  garbageOf,
  id,
  inlineFile,
  KEEP,
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

const FIRST = { version: 1, garbage: [], hasSurplus: false };

concurrentCatalogTest(
  "a file overwrites the one of the same name, whose blob becomes garbage",
  async (catalog) => {
    await enrolV3(catalog);
    await catalog.blobs.reserve(blob(1));
    const first = v3File(1, { size: 2 ** 32 - 273, crc: 2 ** 32 - 1, verified: false });
    assert.deepEqual(await catalog.files.commit(first), FIRST);
    assert.deepEqual(await garbageOf(catalog), [], "its blob is no longer reserved");
    assert.deepEqual(await catalog.files.find(alice, "a"), stored(first));
    const next = v3File(2, { storedAt: 4000 });
    assert.deepEqual(await catalog.files.commit(next), {
      ...{ version: 2, replaced: { version: 1, byOther: false } },
      ...{ garbage: [blob(1)], hasSurplus: false },
    });
    assert.deepEqual(await catalog.files.listAll(alice), [stored(next, 2)]);
    assert.deepEqual(await garbageOf(catalog), [blob(1)]);
    assert.equal((await catalog.accounts.find({ id: alice }))?.lastSeen, 4000);
  },
);

concurrentCatalogTest(
  "a file of a missing account is refused and changes nothing",
  async (catalog) => {
    await catalog.blobs.reserve(blob(1));
    await assert.rejects(catalog.files.commit(v3File(1)));
    assert.deepEqual(await garbageOf(catalog), [blob(1)]);
  },
);

concurrentCatalogTest("a blob belongs to one file", async (catalog) => {
  await enrolV3(catalog);
  await catalog.files.commit(v3File(1));
  await assert.rejects(catalog.files.commit(v3File(1, { name: "b" })));
  assert.equal((await catalog.files.listAll(alice)).length, 1);
});

concurrentCatalogTest("a replaced file becomes history, or is dropped", async (catalog) => {
  await login(catalog);
  const store = async (number: number, keepHistory: boolean) =>
    (await catalog.files.commit(v4File(number, { storedAt: number }), { keepHistory })).garbage;
  for (const number of [1, 2, 3]) assert.deepEqual(await store(number, true), []);
  const versions = await catalog.files.versions(alice, "a", { limit: 9 });
  assert.deepEqual(versions, [
    stored(v4File(3, { storedAt: 3 }), 3),
    stored(v4File(2, { storedAt: 2 }), 2, 3),
    stored(v4File(1, { storedAt: 1 }), 1, 2),
  ]);
  assert.deepEqual(await store(4, false), [blob(3)]);
  assert.deepEqual(await garbageOf(catalog), [blob(3)]);
  assert.equal((await catalog.files.find(alice, "a"))?.version, 4);
});

concurrentCatalogTest(
  "a commit reports the version that it replaced, and whose it was",
  async (catalog) => {
    await login(catalog);
    const replaced = async (number: number, changes: object) =>
      (await catalog.files.commit(v4File(number, changes), KEEP)).replaced;
    assert.equal(await replaced(1, { storedBy: key(1) }), undefined);
    assert.deepEqual(await replaced(2, { storedBy: key(1) }), { version: 1, byOther: false });
    assert.deepEqual(await replaced(3, { storedBy: key(2) }), { version: 2, byOther: true });
    assert.deepEqual(await replaced(4, {}), { version: 3, byOther: false }, "of unknown origin");
    assert.deepEqual(await replaced(5, { storedBy: key(1) }), { version: 4, byOther: false });
  },
);

concurrentCatalogTest(
  "folders, links, modes and times to the nanosecond are kept",
  async (catalog) => {
    await login(catalog);
    const mtime = -8_640_000_000_000_000_000_001n + 2n;
    const all = [
      v4File(1, { name: "d", kind: "folder", size: 0, mode: 0o755 }),
      v4File(2, { name: "d/link", kind: "link", mode: 0o777, storedBy: key(1) }),
      v4File(3, { name: "d/old", mode: 0, tree: { mtime, digest: key(1) } }),
    ];
    for (const file of all) await catalog.files.commit(file);
    assert.deepEqual(await catalog.files.list(alice, { limit: 9 }), all.map((one) => stored(one)));
  },
);

concurrentCatalogTest("a folder stored again only gets the new mode and time", async (catalog) => {
  await login(catalog);
  const folder = (number: number, mode: number, mtime: bigint) =>
    v4File(number, {
      ...{ name: "d", kind: "folder", size: 0, mode, crc: 1, tree: { mtime, digest: key(1) } },
    });
  await catalog.files.commit(folder(1, 0o700, 1n), KEEP);
  await catalog.blobs.reserve(blob(2));
  const again = await catalog.files.commit(folder(2, 0o755, 2n), KEEP);
  assert.deepEqual(again, { version: 1, garbage: [blob(2)], hasSurplus: false });
  assert.deepEqual(await catalog.blobs.garbage(undefined, 9, "unreserved"), [blob(2)]);
  const expected = stored({ ...folder(1, 0o755, 2n) });
  assert.deepEqual(await catalog.files.versions(alice, "d", { limit: 9 }), [expected]);
});

concurrentCatalogTest(
  "the metadata of the current version changes without a new version",
  async (catalog) => {
    await login(catalog);
    for (const number of [1, 2]) await catalog.files.commit(v4File(number, { mode: 1 }), KEEP);
    const update = (name: string, version: number, mode?: number) =>
      catalog.files.update(alice, name, version, { mode, mtime: 9n });
    assert.equal(await update("b", 1), "missing");
    assert.equal(await update("a", 1), "changed");
    assert.equal(await update("a", 3), "changed");
    assert.equal(await update("a", 2, 0o4755), "updated");
    const changed = v4File(2, { mode: 0o4755, tree: { ...tree, mtime: 9n } });
    assert.deepEqual(await catalog.files.find(alice, "a"), stored(changed, 2));
    assert.equal(await update("a", 2), "updated");
    assert.equal((await catalog.files.find(alice, "a"))?.mode, undefined);
    assert.equal((await catalog.files.find(alice, "a", { version: 1 }))?.mode, 1);
  },
);

concurrentCatalogTest(
  "a name is stored as given, compared in NFC, and refused in another form",
  async (catalog) => {
    await login(catalog);
    const { files } = catalog;
    const [nfd, nfc] = ["e\u0301/\u212b", "\u00e9/\u00c5"];
    await files.commit(v4File(1, { name: nfd }));
    for (const name of [nfd, nfc]) assert.equal((await files.find(alice, name))?.name, nfd);
    await assert.rejects(files.commit(v4File(2, { name: nfc })), new CatalogRefusal("other-form"));
    assert.equal((await files.commit(v4File(2, { name: nfd }))).version, 2);
    assert.deepEqual((await files.list(alice, { prefix: "\u00e9", limit: 9 })).length, 1);
    assert.deepEqual((await files.list(alice, { prefix: "e\u0301/", limit: 9 })).length, 1);
    assert.deepEqual(await files.list(alice, { after: nfc, limit: 9 }), []);
    assert.equal((await files.remove(alice, nfc, { now: 1 })).outcome, "removed");
    await files.commit(v4File(3, { name: nfc }));
    assert.equal((await files.find(alice, nfd))?.name, nfc, "once removed, its form is free");
  },
);

concurrentCatalogTest("a damaged version with the same content is not kept", async (catalog) => {
  await login(catalog);
  const content = { size: 10, crc: 7 };
  const store = async (number: number, changes = {}) =>
    (await catalog.files.commit(v4File(number, { ...content, ...changes }), { keepHistory: true }))
      .garbage;
  await store(1);
  await catalog.files.setDamage(blob(1), "content");
  assert.deepEqual(await store(2, { size: 11 }), []);
  assert.deepEqual(await store(3, { crc: 8 }), []);
  assert.deepEqual(await store(4, { tree: { mtime: 5n, digest: key(9) } }), []);
  assert.deepEqual(await store(5), [blob(1)]);
  assert.equal((await catalog.files.find(alice, "a"))?.damage, undefined);
});

concurrentCatalogTest(
  "a damaged version of protocol 3 is compared by its checksum",
  async (catalog) => {
    await enrolV3(catalog);
    const same = (number: number, changes = {}) => v3File(number, { crc: 7, ...changes });
    await catalog.files.commit(same(1));
    await catalog.files.setDamage(blob(1), "missing");
    const { garbage } = await catalog.files.commit(same(2, { tree }), { keepHistory: true });
    assert.deepEqual(garbage, [blob(1)]);
  },
);

concurrentCatalogTest(
  "quotas: the account's own takes precedence over the default, bytes and files independently",
  async (catalog) => {
    await login(catalog);
    const store = (number: number, name: string) =>
      catalog.files.commit(v4File(number, { name }), { quota: { bytes: 15, files: 1 } });
    const own = ({ bytes = "default", files = "default" }: QuotaChanges) =>
      catalog.accounts.update(alice, { quota: { bytes, files } });
    await store(1, "a");
    await assert.rejects(
      store(2, "b"),
      new CatalogRefusal("quota-bytes", { total: 20, quota: 15 }),
    );
    await own({ bytes: 25 });
    await assert.rejects(store(2, "b"), new CatalogRefusal("quota-files", { total: 2, quota: 1 }));
    await own({ bytes: 25, files: Infinity });
    await store(2, "b");
    await assert.rejects(
      store(3, "c"),
      new CatalogRefusal("quota-bytes", { total: 30, quota: 25 }),
    );
    await own({});
    await assert.rejects(
      store(3, "a"),
      new CatalogRefusal("quota-bytes", { total: 20, quota: 15 }),
      "they are too many",
    );
    await catalog.files.remove(alice, "b", { now: 9000 });
    assert.equal((await store(3, "a")).version, 2, "an overwritten file is not counted");
  },
);

concurrentCatalogTest("partial uploads count with their bytes", async (catalog) => {
  await login(catalog);
  const store = (number: number, bytes: number) =>
    catalog.files.commit(v4File(number), { quota: { bytes, files: 1 } });
  await assert.rejects(store(1, 9), new CatalogRefusal("quota-bytes", { total: 10, quota: 9 }));
  await store(1, 10);
  await catalog.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
  await assert.rejects(store(2, 14), new CatalogRefusal("quota-bytes", { total: 15, quota: 14 }));
  await store(2, 15);
});

concurrentCatalogTest("a commit ends its own partial upload, and no other", async (catalog) => {
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

concurrentCatalogTest("a commit that is refused changes nothing", async (catalog) => {
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

concurrentCatalogTest(
  "content in the catalog appears and disappears with its row, and is never garbage",
  async (catalog) => {
    await login(catalog);
    const [first, next] = [inlineFile(1), inlineFile(2)];
    await catalog.files.commit(withBytes(first, key(1)));
    assert.deepEqual(await catalog.files.content(first.content.id), key(1));
    const replaced = await catalog.files.commit(withBytes(next, key(2)));
    assert.deepEqual(replaced.garbage, []);
    assert.equal(await catalog.files.content(first.content.id), undefined);
    assert.deepEqual(await catalog.files.content(next.content.id), key(2));
    assert.deepEqual((await catalog.files.remove(alice, "a", { now: 9000 })).garbage, []);
    assert.deepEqual(await garbageOf(catalog), []);
  },
);

concurrentCatalogTest(
  "names are refused exactly if one is a folder of another",
  async (catalog) => {
    const part = fc.constantFrom("a", "a-", "a0", "-", "0", "\u{10000}");
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(name, { maxLength: 12 }), fc.boolean(), async (names, isAtOnce) => {
        const accountId = id(++number);
        await login(catalog, { id: accountId, name: `User${number}` });
        const stored = new Set<string>();
        const checks: Promise<unknown>[] = [];
        for (const name of names) {
          const fits = [...stored].every((other) =>
            !other.startsWith(`${name}/`) && !name.startsWith(`${other}/`)
          );
          if (fits) stored.add(name);
          // Calls for one account are carried out in their order.
          const commit = catalog.files.commit(v4File(++number, { accountId, name }));
          checks.push(
            fits ? commit : assert.rejects(commit, new CatalogRefusal("name-conflict")),
          );
          if (!isAtOnce) await checks.at(-1);
        }
        await Promise.all(checks);
      }),
      { numRuns: 100, seed: 7 },
    );
  },
);

concurrentCatalogTest("protocol 3 has no folders: its names never conflict", async (catalog) => {
  await enrolV3(catalog);
  for (const [i, name] of ["a/b", "a", "a/b/c"].entries()) {
    await catalog.files.commit(v3File(i, { name }));
  }
  assert.equal((await catalog.files.list(alice, { limit: 9 })).length, 3);
});

concurrentCatalogTest("accounts don't see each other's files", async (catalog) => {
  await enrolV3(catalog);
  await enrolV3(catalog, id(2), "Bob");
  await catalog.files.commit(v3File(1));
  const bobs = await catalog.files.commit(v3File(2, { accountId: id(2) }));
  assert.deepEqual(bobs, FIRST);
  assert.deepEqual(await catalog.files.list(alice, { limit: 9 }), [stored(v3File(1))]);
});
