/** Simultaneous calls have the effect of some order, each as a whole. */
import assert from "node:assert/strict";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  concurrentCatalogTest,
  enrolV3,
  garbageOf,
  id,
  KEEP,
  key,
  login,
  NO_QUOTA,
  partial,
  registration,
  takeOver,
  upload,
  v3File,
  v4File,
} from "../../../support/store/catalog_suite.ts";

const TEN = Array.from({ length: 10 }, (_, i) => i + 1);

const settled = async <T>(work: readonly Promise<T>[]) =>
  (await Promise.allSettled(work)).map((one) =>
    one.status === "fulfilled" ? one.value : (one.reason as CatalogRefusal).reason
  );

concurrentCatalogTest(
  "of several registrations of one name, one succeeds",
  async ({ accounts }) => {
    const results = await Promise.all(
      TEN.map((number) => accounts.registerV3(registration({ id: id(number) }))),
    );
    assert.equal(results.filter((isRegistered) => isRegistered).length, 1);
    const winner = id(results.indexOf(true) + 1);
    assert.deepEqual((await accounts.find({ name: "Alice" }))?.id, winner);
    assert.equal((await accounts.list()).length, 1);
  },
);

concurrentCatalogTest("of several takeovers of one account, one succeeds", async (catalog) => {
  await enrolV3(catalog);
  const results = await Promise.all(TEN.map((number) => takeOver(catalog, { key: key(number) })));
  assert.deepEqual(results.toSorted(), ["claimed", ...Array(9).fill("claimed-already")]);
  assert.equal((await catalog.accounts.find({ id: alice }))?.keys.length, 1);
});

concurrentCatalogTest("each writer of a name creates a version", async (catalog) => {
  await login(catalog);
  const results = await Promise.all(
    TEN.map((number) => catalog.files.commit(v4File(number), KEEP)),
  );
  assert.deepEqual(results.map(({ version }) => version).toSorted((a, b) => a - b), TEN);
  const left = (await catalog.files.versions(alice, "a", { limit: 99 })).map((
    { content: { id: path } },
  ) => path);
  const garbage = results.flatMap((result) => result.garbage);
  assert.equal(left.length, 10);
  assert.deepEqual([...left, ...garbage].toSorted(), TEN.map(blob).toSorted());
  assert.deepEqual(await garbageOf(catalog), garbage.toSorted());
});

concurrentCatalogTest("a quota holds for simultaneous writers", async (catalog) => {
  await login(catalog);
  const results = await settled(
    TEN.map((number) =>
      catalog.files.commit(v4File(number, { name: `file${number}` }), {
        quota: { bytes: 45, files: 9 },
      })
    ),
  );
  assert.equal(results.filter((one) => one === "quota-bytes").length, 6);
  assert.equal((await catalog.files.usage(alice)).bytes, 40);
});

concurrentCatalogTest("of a file and its folder, one is stored", async (catalog) => {
  await login(catalog);
  const results = await settled(
    ["a", "a/b", "a", "a/b"].map((name, i) => catalog.files.commit(v4File(i, { name }))),
  );
  assert.equal(results.filter((one) => one === "name-conflict").length, 2);
  assert.equal((await catalog.files.list(alice, { limit: 9 })).length, 1);
});

concurrentCatalogTest(
  "a checkpoint and the commit of its upload leave one partial upload or none",
  async (catalog) => {
    await login(catalog);
    for (const number of TEN) {
      const name = `file${number}`;
      await catalog.uploads.save(partial(number), { max: 99, quota: NO_QUOTA });
      await Promise.all([
        catalog.uploads.save(partial(number, { durableBytes: 7 }), { max: 99, quota: NO_QUOTA }),
        catalog.files.commit(v4File(number, { name }), { staged: upload(number) }),
      ]);
      assert.equal(await catalog.blobs.owner(blob(number)), "file");
      const saved = await catalog.uploads.find(alice, name);
      assert.equal(await catalog.blobs.owner(upload(number)), saved && "upload");
    }
    assert.deepEqual(await garbageOf(catalog), []);
  },
);

concurrentCatalogTest(
  "a removal and a commit of one name: the removal's garbage is all that is removed",
  async (catalog) => {
    await login(catalog);
    for (const number of TEN) {
      const old = v4File(100 + number);
      await catalog.files.commit(old);
      const [removed, { garbage }] = await Promise.all([
        catalog.files.remove(alice, "a", { now: 9000 }),
        catalog.files.commit(v4File(number)),
      ]);
      const left = (await catalog.files.listAll(alice)).map(({ content: { id: path } }) => path);
      const all = [...removed.garbage, ...garbage, ...left];
      assert.deepEqual(all.toSorted(), [old.content.id, blob(number)].toSorted());
      await catalog.files.remove(alice, "a", { now: 9000 });
    }
  },
);

concurrentCatalogTest("a file removed twice at once becomes garbage once", async (catalog) => {
  await login(catalog);
  await catalog.files.commit(v4File(1));
  const results = await Promise.all(TEN.map(() => catalog.files.remove(alice, "a", { now: 9000 })));
  assert.deepEqual(results.flatMap(({ garbage }) => garbage), [blob(1)]);
});

concurrentCatalogTest(
  "nothing is stored after an account was disabled, removed or claimed",
  async (catalog) => {
    await enrolV3(catalog);
    const commits = TEN.map((number) => catalog.files.commit(v3File(number), KEEP));
    const disabling = catalog.accounts.update(alice, { disabled: true });
    const late = TEN.map((number) => catalog.files.commit(v3File(100 + number), KEEP));
    await Promise.allSettled([...commits, disabling, ...late]);
    const before = (await catalog.files.listAll(alice)).length;
    await assert.rejects(catalog.files.commit(v3File(999)), new CatalogRefusal("account-disabled"));
    await catalog.accounts.update(alice, { disabled: false });
    await Promise.allSettled([takeOver(catalog), catalog.files.commit(v3File(999), KEEP)]);
    await assert.rejects(catalog.files.commit(v3File(998)), new CatalogRefusal("other-protocol"));
    assert.ok((await catalog.files.listAll(alice)).length >= before);
  },
);

concurrentCatalogTest(
  "an account removed while files are stored leaves no file; each blob is garbage or refused",
  async (catalog) => {
    await login(catalog);
    await Promise.all(TEN.map((number) => catalog.blobs.reserve(blob(number))));
    const work = TEN.map((number) => catalog.files.commit(v4File(number), KEEP));
    const [, garbage] = await Promise.all([
      Promise.allSettled(work.slice(0, 5)),
      catalog.accounts.remove(alice),
      Promise.allSettled(work.slice(5)),
    ]);
    assert.deepEqual(await catalog.files.scan(undefined, 99), []);
    assert.deepEqual(await garbageOf(catalog), TEN.map(blob).toSorted());
    assert.ok(garbage.every((one) => TEN.map(blob).includes(one as ReturnType<typeof blob>)));
  },
);

concurrentCatalogTest("readers see each transaction whole or not at all", async (catalog) => {
  await login(catalog);
  await catalog.files.commit(v4File(0));
  const writing = Promise.all(TEN.map((number) => catalog.files.commit(v4File(number))));
  for (let looks = 0; looks < 20; looks++) {
    const files = await catalog.files.listAll(alice);
    assert.equal(files.length, 1, "the old version is removed when the new one is stored");
    assert.equal(files[0]?.current, true);
  }
  await writing;
});
