/** The usage of an account, now and beside one more file. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { StoredFile } from "../../../../server/catalog/files.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  bob,
  catalogTest,
  KEEP,
  login,
  NO_QUOTA,
  NOTHING,
  partial,
  v4File,
} from "../../../support/store/catalog_suite.ts";

const ONE = { bytes: 10, files: 1 };

catalogTest("usage: current files and partial uploads, and history apart", async (catalog) => {
  await login(catalog);
  const { files, uploads } = catalog;
  for (const number of [1, 2]) await files.commit(v4File(number), KEEP);
  for (const number of [1, 2]) await uploads.save(partial(number), { max: 9, quota: NO_QUOTA });
  assert.deepEqual(await files.usage(alice), {
    ...{ bytes: 20, files: 1, history: ONE, replaced: NOTHING },
  });
  assert.deepEqual(await files.usage(bob), { ...NOTHING, history: NOTHING, replaced: NOTHING });
});

catalogTest(
  "usage beside a new file: the one that it overwrites or resumes does not count",
  async (catalog) => {
    await login(catalog);
    const { files, uploads } = catalog;
    for (const number of [1, 2]) await files.commit(v4File(number), KEEP);
    for (const name of ["a", "b", "c"]) {
      await uploads.save(partial(name.charCodeAt(0), { name }), { max: 9, quota: NO_QUOTA });
    }
    const beside = (name: string, open: string[] = []) => files.usage(alice, { name, open });
    const history = ONE;
    assert.deepEqual(await beside("a"), { bytes: 10, files: 0, history, replaced: ONE });
    assert.deepEqual(await beside("a", ["b"]), { bytes: 5, files: 0, history, replaced: ONE });
    assert.deepEqual(await beside("new"), { bytes: 25, files: 1, history, replaced: NOTHING });
  },
);

catalogTest(
  "usage is right after any calls, and the prediction for a commit comes true",
  async (catalog) => {
    const { files } = catalog;
    await login(catalog);
    let number = 0;
    const store = (name: string, size: number, keepHistory: boolean) =>
      files.commit(v4File(++number, { name, size, crc: 1 }), { keepHistory });
    const name = fc.constantFrom("a", "b", "c", "d/e", "d");
    const size = fc.oneof(fc.constant(5), fc.nat(1000));
    const keep = fc.boolean();
    const step = fc.oneof(
      fc.record({ do: fc.constant("store"), name, size, keep }),
      fc.record({ do: fc.constant("rename"), name, to: name }),
      fc.record({ do: fc.constant("remove"), name, recursive: fc.boolean(), keepHistory: keep }),
      fc.record({ do: fc.constant("restore"), name, keepHistory: keep, now: fc.constant(9000) }),
      fc.record({ do: fc.constant("drop"), limit: fc.nat(2) }),
      fc.record({ do: fc.constant("forget"), name, version: fc.nat(4) }),
      fc.record({ do: fc.constant("damage"), name, version: fc.nat(4) }),
    );
    const sum = (some: readonly StoredFile[]) => ({
      bytes: some.reduce((bytes, { size }) => bytes + size, 0),
      files: some.length,
    });
    const counted = async () => {
      const all = await files.listAll(alice);
      return {
        ...sum(all.filter(({ current }) => current)),
        ...{ history: sum(all.filter(({ current }) => !current)), replaced: NOTHING },
      };
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        name,
        keep,
        async (steps, next, keepHistory) => {
          for (const step of steps) {
            try {
              if ("size" in step) await store(step.name, step.size, step.keep);
              else if ("to" in step) await files.rename(alice, step.name, step.to);
              else if ("limit" in step) await files.dropOldestHistory(9999, step.limit);
              else if ("recursive" in step) {
                await files.remove(alice, step.name, { ...step, now: 9000 });
              } else if ("now" in step) await files.restore(alice, step.name, step);
              else {
                const found = await files.find(alice, step.name, { version: step.version });
                if (found === undefined) continue;
                if (step.do === "forget") await files.forget(found.content.id);
                else await files.setDamage(found.content.id, "content");
              }
            } catch (error) {
              assert.deepEqual(error, new CatalogRefusal("name-conflict"));
            }
          }
          assert.deepEqual(await files.usage(alice), await counted());
          const before = await files.usage(alice, { name: next, open: [] });
          if (await store(next, 5, keepHistory).then(() => false, () => true)) return;
          const after = await files.usage(alice);
          assert.deepEqual(after, await counted());
          assert.deepEqual([after.bytes, after.files], [before.bytes + 5, before.files + 1]);
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  },
);
