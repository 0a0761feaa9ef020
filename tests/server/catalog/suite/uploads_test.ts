/** Partial uploads: checkpoints, and the rows that they displace. */
import assert from "node:assert/strict";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import type { PartialUpload } from "../../../../server/catalog/partial_uploads.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  bob,
  catalogTest,
  enrolV3,
  garbageOf,
  key,
  login,
  NO_QUOTA,
  partial,
  upload,
  v4File,
} from "../../../support/store/catalog_suite.ts";

const save = ({ uploads }: Catalog, row: PartialUpload, max = 9) =>
  uploads.save(row, { max, quota: NO_QUOTA });

catalogTest("a checkpoint is found by its name, and replaced by a later one", async (catalog) => {
  await login(catalog);
  const { uploads } = catalog;
  assert.deepEqual(await save(catalog, partial(1)), []);
  assert.deepEqual(await uploads.find(alice, "file1"), partial(1));
  assert.equal(await uploads.find(alice, "file2"), undefined);
  assert.equal(await uploads.find(bob, "file1"), undefined);
  const grown = partial(1, { durableBytes: 7, updatedAt: 9 });
  assert.deepEqual(await save(catalog, grown), [], "it is the same upload");
  assert.deepEqual(await uploads.find(alice, "file1"), grown);
  const other = partial(2, { name: "file1" });
  assert.deepEqual(await save(catalog, other), [upload(1)]);
  assert.deepEqual(await uploads.find(alice, "file1"), other);
  assert.deepEqual(await garbageOf(catalog), [upload(1)]);
});

catalogTest("beyond the limit the oldest make room", async (catalog) => {
  await login(catalog);
  await login(catalog, { id: bob, name: "Bob", key: key(2) });
  await save(catalog, partial(9, { accountId: bob, updatedAt: 0 }));
  for (const [number, updatedAt] of [[1, 5], [2, 3], [3, 4]] as const) {
    assert.deepEqual(await save(catalog, partial(number, { updatedAt }), 3), []);
  }
  assert.deepEqual(await save(catalog, partial(4, { updatedAt: 6 }), 3), [upload(2)]);
  assert.deepEqual(await save(catalog, partial(4, { updatedAt: 7 }), 3), []);
  assert.deepEqual(
    (await save(catalog, partial(5, { updatedAt: 8 }), 1)).toSorted(),
    [upload(1), upload(3), upload(4)],
  );
  assert.ok(await catalog.uploads.find(bob, "file9"), "another account's does not");
});

catalogTest(
  "an upload that made room and is recorded again is no longer garbage",
  async (catalog) => {
    await login(catalog);
    await save(catalog, partial(1));
    assert.deepEqual(await save(catalog, partial(2), 1), [upload(1)]);
    assert.deepEqual(await save(catalog, partial(1, { updatedAt: 5 }), 1), [upload(2)]);
    assert.deepEqual(await garbageOf(catalog), [upload(2)]);
  },
);

catalogTest("a checkpoint beyond a quota changes nothing", async (catalog) => {
  await login(catalog);
  await catalog.files.commit(v4File(1));
  await save(catalog, partial(1));
  const tooMuch = (quota: { bytes: number; files: number }) =>
    catalog.uploads.save(partial(2, { name: "file1", durableBytes: 6 }), { max: 9, quota });
  const over = new CatalogRefusal("quota-bytes", { total: 16, quota: 15 });
  await assert.rejects(tooMuch({ bytes: 15, files: 9 }), over);
  assert.deepEqual(await catalog.uploads.find(alice, "file1"), partial(1));
  assert.deepEqual(await garbageOf(catalog), []);
  assert.deepEqual(await tooMuch({ bytes: 16, files: 0 }), [upload(1)], "it is not a file");
  await catalog.accounts.update(alice, { quota: { bytes: 15 } });
  await assert.rejects(tooMuch({ bytes: 99, files: 9 }), over);
});

catalogTest("an upload of a missing account is not recorded", async (catalog) => {
  await assert.rejects(save(catalog, partial(1)));
  assert.deepEqual(await catalog.uploads.scan(undefined, 9), []);
});

catalogTest(
  "an upload is removed by its name, or only if it has the given id",
  async (catalog) => {
    await login(catalog);
    const { uploads } = catalog;
    await save(catalog, partial(1));
    assert.deepEqual(await uploads.remove(alice, "file1", upload(2)), []);
    assert.deepEqual(await uploads.remove(bob, "file1"), []);
    assert.deepEqual(await uploads.remove(alice, "file1", upload(1)), [upload(1)]);
    assert.equal(await uploads.find(alice, "file1"), undefined);
    await save(catalog, partial(2));
    assert.deepEqual(await uploads.remove(alice, "file2"), [upload(2)]);
    assert.deepEqual(await uploads.remove(alice, "file2"), []);
    assert.deepEqual(await garbageOf(catalog), [upload(1), upload(2)]);
  },
);

catalogTest("uploads expire, oldest first, up to the given number", async (catalog) => {
  await login(catalog);
  const { uploads } = catalog;
  for (const number of [3, 1, 2]) await save(catalog, partial(number));
  assert.deepEqual(await uploads.expire(1, 9), []);
  assert.deepEqual(await uploads.expire(3, 1), [upload(1)]);
  assert.deepEqual(await uploads.expire(3, 9), [upload(2)]);
  assert.deepEqual(await uploads.expire(3, 9), []);
  assert.ok(await uploads.find(alice, "file3"));
  assert.deepEqual(await garbageOf(catalog), [upload(1), upload(2)]);
});

catalogTest("uploads of all accounts are iterated by their ids", async (catalog) => {
  await login(catalog);
  await enrolV3(catalog, bob, "Bob");
  for (const number of [3, 1]) await save(catalog, partial(number));
  await save(catalog, partial(2, { accountId: bob }));
  const { uploads } = catalog;
  const row = (number: number, accountId = alice) => ({
    ...{ accountId, name: `file${number}`, id: upload(number), durableBytes: 5 },
  });
  assert.deepEqual(await uploads.scan(undefined, 2), [row(1), row(2, bob)]);
  assert.deepEqual(await uploads.scan(upload(2), 2), [row(3)]);
  assert.deepEqual(await uploads.scan(upload(3), 2), []);
});
