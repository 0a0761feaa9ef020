/** History: listed, restored, and dropped when it is too old or its room is needed. */
import assert from "node:assert/strict";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import type { RestoreVersionOptions } from "../../../../server/catalog/files.ts";
import { MAX_DROPPED } from "../../../../server/catalog/bounds.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  bob,
  catalogTest,
  inlineFile,
  KEEP,
  key,
  login,
  NO_QUOTA,
  NOTHING,
  partial,
  stored,
  v4File,
  withBytes,
} from "../../../support/store/catalog_suite.ts";

let number = 0;

/** Stores an entry of Alice with a blob of its own. A name that ends in `/` becomes a folder. */
async function store(catalog: Catalog, name: string, storedAt = 3000): Promise<void> {
  const isFolder = name.endsWith("/");
  const file = isFolder ? { name: name.slice(0, -1), kind: "folder", size: 0 } as const : { name };
  await catalog.files.commit(v4File(++number, { ...file, storedAt }), KEEP);
}

function remove(catalog: Catalog, name: string, now: number) {
  return catalog.files.remove(alice, name, { now, recursive: true, ...KEEP });
}

async function restore(
  catalog: Catalog,
  name: string,
  options: Partial<RestoreVersionOptions> = {},
) {
  const restored = await catalog.files.restore(alice, name, { now: 9000, ...KEEP, ...options });
  return restored && [restored.entries, restored.bytes];
}

async function versions(catalog: Catalog): Promise<string> {
  return (await catalog.files.listAll(alice))
    .map(({ name, version, current }) => current ? `${name}@${version}` : `(${name}@${version})`)
    .join(" ");
}

catalogTest("removed names are listed with their newest version, in pages", async (catalog) => {
  await login(catalog);
  for (const name of ["a", "a", "b", "b", "c", "d/e", "d/f"]) await store(catalog, name);
  for (const name of ["a", "c", "d"]) await remove(catalog, name, 5000);
  const listed = async (prefix: string, limit = 99) => {
    const found: string[] = [];
    for (let after: string | undefined = ""; after !== undefined;) {
      const page: Awaited<ReturnType<Catalog["files"]["listRemoved"]>> = await catalog.files
        .listRemoved(alice, { prefix, after, limit });
      found.push(
        ...page.files.map(({ name, version, endedAt }) => `${name}@${version} ${endedAt}`),
      );
      after = page.next;
    }
    return found.join(", ");
  };
  const all = "a@2 5000, c@1 5000, d/e@1 5000, d/f@1 5000";
  assert.deepEqual(await listed(""), all);
  assert.deepEqual(await listed("", 1), all);
  assert.deepEqual(await listed("d/"), "d/e@1 5000, d/f@1 5000");
  assert.deepEqual(await listed("b"), "");
});

catalogTest("removed names are found among many current ones", async (catalog) => {
  await login(catalog);
  await Promise.all(Array.from({ length: 600 }, (_, i) => store(catalog, `${1000 + i}`)));
  await remove(catalog, "1599", 5000);
  const found: string[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: Awaited<ReturnType<Catalog["files"]["listRemoved"]>> = await catalog.files
      .listRemoved(alice, { after, limit: 9 });
    found.push(...page.files.map(({ name }) => name));
    after = page.next;
  }
  assert.deepEqual(found, ["1599"]);
});

catalogTest(
  "the previous content is restored as a new version, without a copy",
  async (catalog) => {
    await login(catalog);
    const [first, next] = [v4File(901), v4File(902)];
    await catalog.files.commit(first, KEEP);
    await catalog.files.commit(next, KEEP);
    assert.deepEqual(await restore(catalog, "a", { by: key(1) }), [1, 10]);
    assert.deepEqual(await catalog.files.versions(alice, "a", { limit: 9 }), [
      stored({ ...first, storedAt: 9000, storedBy: key(1) }, 3),
      stored(next, 2, 9000),
    ]);
    assert.deepEqual(await restore(catalog, "a"), [1, 10]);
    assert.equal((await catalog.files.find(alice, "a"))?.content.id, next.content.id, "back again");
    assert.deepEqual(await catalog.files.usage(alice), {
      ...{ bytes: 10, files: 1, replaced: NOTHING, history: { bytes: 10, files: 1 } },
    });
  },
);

catalogTest("a chosen version is restored; the current one is none", async (catalog) => {
  await login(catalog);
  for (let i = 0; i < 3; i++) await store(catalog, "a");
  assert.deepEqual(await restore(catalog, "a", { version: 1 }), [1, 10]);
  assert.equal(await versions(catalog), "(a@2) (a@3) a@4");
  assert.deepEqual(await restore(catalog, "a", { version: 4 }), [0, 0]);
  assert.equal(await restore(catalog, "a", { version: 1 }), undefined);
  assert.equal(await restore(catalog, "b"), undefined);
  await remove(catalog, "a", 5000);
  assert.deepEqual(await restore(catalog, "a"), [1, 10]);
  assert.equal(await versions(catalog), "(a@2) (a@3) a@5", "of a removed name, the newest");
  assert.equal(await catalog.files.restore(bob, "a", { now: 1 }), undefined);
});

catalogTest("without history, the replaced version is dropped", async (catalog) => {
  await login(catalog);
  for (const number of [801, 802]) await catalog.files.commit(v4File(number), KEEP);
  const restored = await catalog.files.restore(alice, "a", { now: 9000 });
  assert.deepEqual(restored?.garbage, [blob(802)]);
  assert.equal(await versions(catalog), "a@3");
});

catalogTest(
  "a folder is restored with everything below that has no current version",
  async (catalog) => {
    await login(catalog);
    for (const name of ["d/", "d/a", "d/a", "d/e/f", "d/g", "d0"]) await store(catalog, name);
    await remove(catalog, "d/g", 4000);
    await remove(catalog, "d", 5000);
    await store(catalog, "d/a");
    assert.deepEqual(await restore(catalog, "d", { since: 5000 }), [2, 10]);
    assert.equal(await versions(catalog), "d@2 (d/a@1) (d/a@2) d/a@3 d/e/f@2 (d/g@1) d0@1");
    assert.deepEqual(await restore(catalog, "d"), [1, 10]);
    assert.equal(await restore(catalog, "d"), undefined);
    assert.equal(await restore(catalog, "none"), undefined);
  },
);

catalogTest(
  "of removed names that exclude each other, the last removed is restored",
  async (catalog) => {
    await login(catalog);
    await store(catalog, "d/x");
    await remove(catalog, "d/x", 4000);
    await store(catalog, "d/x/y");
    await remove(catalog, "d/x/y", 5000);
    assert.deepEqual(await restore(catalog, "d"), [1, 10]);
    assert.equal((await catalog.files.find(alice, "d/x/y"))?.version, 2);
    await remove(catalog, "d/x/y", 6000);
    await store(catalog, "d/x");
    await remove(catalog, "d/x", 7000);
    assert.deepEqual(await restore(catalog, "d/x"), [1, 10]);
    assert.equal((await catalog.files.find(alice, "d/x"))?.kind, "file");
    await assert.rejects(restore(catalog, "d/x/y"), new CatalogRefusal("name-conflict"));
    assert.equal(await restore(catalog, "d"), undefined);
  },
);

catalogTest("restored content counts towards the quota; history makes room", async (catalog) => {
  await login(catalog);
  await store(catalog, "a");
  await remove(catalog, "a", 4000);
  await store(catalog, "b");
  await store(catalog, "b");
  const quota = (bytes: number, files: number) => ({ quota: { bytes, files } });
  await assert.rejects(
    restore(catalog, "a", quota(19, 9)),
    new CatalogRefusal("quota-bytes", { total: 20, quota: 19 }),
  );
  await assert.rejects(
    restore(catalog, "a", quota(20, 1)),
    new CatalogRefusal("quota-files", { total: 2, quota: 1 }),
  );
  assert.equal(await versions(catalog), "(a@1) (b@1) b@2");
  assert.deepEqual(await restore(catalog, "a", quota(20, 2)), [1, 10]);
  assert.equal(await versions(catalog), "a@2 b@2");
});

for (
  const [what, quota] of [
    ["bytes", { bytes: 45, files: 99 }],
    ["entries", { bytes: 999, files: 4 }],
  ] as const
) {
  catalogTest(
    `in a commit, the oldest history goes while it is over the quota's ${what}`,
    async (catalog) => {
      await login(catalog);
      for (const [i, name] of ["b", "a", "b", "a"].entries()) await store(catalog, name, 10 + i);
      await catalog.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
      assert.equal(await versions(catalog), "(a@1) a@2 (b@1) b@2");
      const last = { name: "a", storedAt: 20 };
      const commit = await catalog.files.commit(v4File(++number, last), { ...KEEP, quota });
      assert.equal(await versions(catalog), "(a@1) (a@2) a@3 b@2");
      assert.deepEqual([commit.garbage.length, commit.hasSurplus], [1, false]);
    },
  );
}

catalogTest("history is dropped in pages until it fits", async (catalog) => {
  await login(catalog);
  await Promise.all(Array.from({ length: MAX_DROPPED + 6 }, (_, i) => store(catalog, "a", i)));
  const quota = { bytes: 30, files: 99 };
  const commit = await catalog.files.commit(v4File(++number, { storedAt: 999 }), {
    quota,
    ...KEEP,
  });
  assert.deepEqual([commit.garbage.length, commit.hasSurplus], [MAX_DROPPED, true]);
  const { garbage, ...rest } = await catalog.files.trimHistory(alice, quota);
  assert.deepEqual([garbage.length, rest], [4, { files: 4, bytes: 40 }]);
  assert.deepEqual((await catalog.files.trimHistory(alice, quota)).files, 0);
  assert.deepEqual((await catalog.files.usage(alice)).history, { files: 2, bytes: 20 });
});

catalogTest("history expires by its end, oldest first", async (catalog) => {
  await login(catalog);
  for (const time of [10, 20, 30]) await store(catalog, "a", time);
  await store(catalog, "b", 5);
  await remove(catalog, "b", 25);
  const { files } = catalog;
  assert.deepEqual((await files.expireHistory(20, 9)).files, 0);
  const expired = await files.expireHistory(31, 2);
  assert.deepEqual([expired.files, expired.bytes, expired.garbage.length], [2, 20, 2]);
  assert.equal(await versions(catalog), "(a@2) a@3");
  assert.deepEqual((await files.expireHistory(Infinity, 9)).files, 1);
  assert.equal(await versions(catalog), "a@3");
});

catalogTest(
  "room on the disk: the oldest history outside the catalog is dropped",
  async (catalog) => {
    await login(catalog);
    const inline = (crc: number) =>
      withBytes(inlineFile(1, { name: "small", storedAt: 1, crc }), key(1));
    for (let i = 0; i < 2; i++) await catalog.files.commit(inline(i), KEEP);
    for (const time of [10, 20, 30]) await store(catalog, "a", time);
    const dropped = async (bytes: number, limit: number) =>
      (await catalog.files.dropOldestHistory(bytes, limit)).files;
    assert.deepEqual([await dropped(0, 9), await dropped(99, 0)], [0, 0]);
    assert.deepEqual(await dropped(10, 9), 1);
    assert.equal(await versions(catalog), "(a@2) a@3 (small@1) small@2");
    assert.deepEqual(await dropped(11, 9), 1);
    assert.deepEqual(await dropped(11, 9), 0);
    assert.equal(await versions(catalog), "a@3 (small@1) small@2");
  },
);
