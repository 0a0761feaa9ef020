/** References to blobs, and repairs. */
import assert from "node:assert/strict";
import { UnavailableError } from "../../../../protocol/errors.ts";
import {
  alice,
  blob,
  catalogTest,
  enrolV3,
  garbageOf,
  KEEP,
  login,
  NO_QUOTA,
  partial,
  upload,
  v3File,
  v4File,
} from "../../../support/store/catalog_suite.ts";

catalogTest("a blob belongs to a file, an upload, the garbage, or to nothing", async (catalog) => {
  await login(catalog);
  const owners = () => Promise.all([blob(1), upload(1)].map((one) => catalog.blobs.owner(one)));
  assert.deepEqual(await owners(), [undefined, undefined]);
  await catalog.blobs.reserve(blob(1));
  await catalog.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
  assert.deepEqual(await owners(), ["garbage", "upload"]);
  await catalog.files.commit(v4File(1));
  await catalog.uploads.remove(alice, "file1");
  assert.deepEqual(await owners(), ["file", "garbage"]);
  await catalog.files.commit(v4File(2), KEEP);
  assert.deepEqual(await owners(), ["file", "garbage"], "an old version's belongs to its file");
  await catalog.files.remove(alice, "a", { now: 9000, forever: true });
  await catalog.blobs.collected([upload(1)]);
  assert.deepEqual(await owners(), ["garbage", undefined]);
});

catalogTest("a reserved blob is no garbage until it is dropped", async (catalog) => {
  await login(catalog);
  const unreserved = () => catalog.blobs.garbage(undefined, 9, "unreserved");
  await catalog.files.commit(v4File(1));
  for (const number of [2, 3]) await catalog.blobs.reserve(blob(number));
  assert.deepEqual(await unreserved(), []);
  await catalog.files.commit(v4File(2));
  assert.deepEqual(await unreserved(), [blob(1)]);
  await catalog.blobs.reserve(blob(1)).catch((error) =>
    assert.ok(error instanceof UnavailableError)
  );
  assert.deepEqual(await unreserved(), [blob(1)], "garbage stays garbage");
  assert.deepEqual(await garbageOf(catalog), [blob(1), blob(3)]);
});

catalogTest("garbage is listed in pages until it is collected", async ({ blobs }) => {
  for (const number of [3, 1, 2, 2]) await blobs.reserve(blob(number));
  assert.deepEqual(await blobs.garbage(undefined, 2), [blob(1), blob(2)]);
  assert.deepEqual(await blobs.garbage(blob(2), 2), [blob(3)]);
  assert.deepEqual(await blobs.garbage(blob(3), 2), []);
  await blobs.collected([blob(1), blob(3), blob(9)]);
  await blobs.collected([]);
  assert.deepEqual(await blobs.garbage(undefined, 9), [blob(2)]);
});

catalogTest(
  "a repair stays recorded until it ends, and then its file is removed",
  async (catalog) => {
    await enrolV3(catalog);
    await catalog.files.commit(v3File(1));
    const repairs = [
      { path: blob(1), movedTo: "quarantine/1", record: "{}" },
      { path: blob(9), movedTo: undefined, record: '{"kind":"stray"}' },
    ];
    for (const repair of repairs) await catalog.repairs.begin(repair);
    assert.deepEqual(await catalog.repairs.list(), repairs);
    assert.equal(await catalog.blobs.owner(blob(1)), "file");
    for (const { path } of repairs) await catalog.repairs.end(path);
    assert.deepEqual(await catalog.repairs.list(), []);
    assert.equal(await catalog.blobs.owner(blob(1)), undefined);
    assert.deepEqual(await garbageOf(catalog), [], "a moved blob is not garbage");
  },
);

catalogTest(
  "a repair started again has its last record; if its file is back, the file stays",
  async (catalog) => {
    await enrolV3(catalog);
    await catalog.files.commit(v3File(1));
    const repair = { path: blob(1), movedTo: undefined, record: "{}" };
    await catalog.repairs.begin(repair);
    await catalog.repairs.begin({ ...repair, record: "[]" });
    assert.deepEqual(await catalog.repairs.list(), [{ ...repair, record: "[]" }]);
    await catalog.repairs.end(blob(1), { isRestored: true });
    assert.deepEqual(await catalog.repairs.list(), []);
    assert.equal(await catalog.blobs.owner(blob(1)), "file");
  },
);
