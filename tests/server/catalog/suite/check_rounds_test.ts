/** Rounds of the background check. */
import assert from "node:assert/strict";
import { blob, catalogTest } from "../../../support/store/catalog_suite.ts";

const NONE = { files: 0, bytes: 0, damaged: 0, unreadable: 0 };

catalogTest("a round of the check keeps its progress, and its end", async ({ checks }) => {
  assert.deepEqual(await checks.list(), []);
  const begun = await checks.begin(1000, false);
  assert.deepEqual(begun, { id: begun.id, startedAt: 1000, isRequested: false, ...NONE });
  assert.deepEqual(await checks.list(), [begun]);
  const read = { ...begun, after: blob(7), files: 3, bytes: 2 ** 40, damaged: 1, unreadable: 2 };
  assert.equal(await checks.save(read), true);
  assert.deepEqual(await checks.list(), [read]);
  const ended = { ...read, endedAt: 2000, files: 4 };
  assert.equal(await checks.save(ended), true);
  assert.deepEqual(await checks.list(), [ended]);
});

catalogTest(
  "a new round of the check discards the one in progress, whose progress no longer counts",
  async ({ checks }) => {
    const first = await checks.begin(1000, false);
    await checks.save({ ...first, endedAt: 1500 });
    const second = await checks.begin(2000, false);
    const third = await checks.begin(2000, true);
    assert.ok(third.id > second.id && second.id > first.id);
    assert.equal(await checks.save({ ...second, files: 9 }), false);
    assert.equal(await checks.save({ ...second, endedAt: 3000 }), false);
    assert.deepEqual(await checks.list(), [third, { ...first, endedAt: 1500 }]);
    assert.equal(third.isRequested, true);
  },
);

catalogTest(
  "the end of a round of the check discards those before, and it begins only once",
  async ({ checks }) => {
    const first = await checks.begin(1000, false);
    await checks.save({ ...first, endedAt: 1500 });
    const second = { ...await checks.begin(2000, false), endedAt: 2500 };
    assert.equal(await checks.save(second), true);
    assert.deepEqual(await checks.list(), [second]);
    const third = await checks.begin(3000, false);
    assert.ok(third.id > second.id);
    assert.equal(await checks.save({ ...second, endedAt: 9000 }), false);
    assert.deepEqual(await checks.list(), [third, second]);
  },
);
