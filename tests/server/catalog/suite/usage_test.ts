/** The usage of an account, now and with one more file. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { StoredFile } from "../../../../server/catalog/files.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  bob,
  catalogTest,
  login,
  NO_QUOTA,
  NOTHING,
  partial,
  v4File,
} from "../../../support/store/catalog_suite.ts";

catalogTest("usage is the sum over files and partial uploads", async (catalog) => {
  await login(catalog);
  const { files, uploads } = catalog;
  for (const number of [1, 2]) await files.commit(v4File(number), { keep: 1 });
  for (const number of [1, 2]) await uploads.save(partial(number), { max: 9, quota: NO_QUOTA });
  assert.deepEqual(await files.usage(alice), { bytes: 30, files: 1, replaced: NOTHING });
  assert.deepEqual(await files.usage(bob), { ...NOTHING, replaced: NOTHING });
});

catalogTest(
  "next to a new file, the one that it overwrites or resumes does not count",
  async (catalog) => {
    await login(catalog);
    const { files, uploads } = catalog;
    for (const number of [1, 2]) await files.commit(v4File(number), { keep: 1 });
    for (const name of ["a", "b", "c"]) {
      await uploads.save(partial(name.charCodeAt(0), { name }), { max: 9, quota: NO_QUOTA });
    }
    const beside = (name: string, keep: number, open: string[] = []) =>
      files.usage(alice, { name, size: 10, keep, open });
    assert.deepEqual(await beside("a", 0), {
      bytes: 10,
      files: 0,
      replaced: { bytes: 20, files: 1 },
    });
    assert.deepEqual(await beside("a", 1, ["b"]), {
      ...{ bytes: 15, files: 0, replaced: { bytes: 10, files: 1 } },
    });
    assert.deepEqual(await beside("new", 0), { bytes: 35, files: 1, replaced: NOTHING });
    await files.setDamage(blob(2), "content");
    assert.deepEqual(await beside("a", Infinity), {
      ...{ bytes: 20, files: 0, replaced: { bytes: 10, files: 1 } },
    }, "a damaged version is repaired");
  },
);

catalogTest(
  "usage is right after any calls, and the prediction for a commit comes true",
  async (catalog) => {
    const { files } = catalog;
    await login(catalog);
    let number = 0;
    const store = (name: string, size: number, keep: number) =>
      files.commit(v4File(++number, { name, size, crc: 1 }), { keep });
    const name = fc.constantFrom("a", "b", "c", "d/e", "d");
    const size = fc.oneof(fc.constant(5), fc.nat(1000));
    const step = fc.oneof(
      fc.record({ do: fc.constant("store"), name, size, keep: fc.nat(3) }),
      fc.record({ do: fc.constant("rename"), name, to: name }),
      fc.record({ do: fc.constant("remove"), name }),
      fc.record({ do: fc.constant("forget"), name, version: fc.nat(4) }),
      fc.record({ do: fc.constant("damage"), name, version: fc.nat(4) }),
    );
    const sum = (some: readonly StoredFile[]) => ({
      bytes: some.reduce((bytes, { size }) => bytes + size, 0),
      files: some.filter(({ current }) => current).length,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        name,
        fc.nat(3),
        async (steps, next, keep) => {
          for (const step of steps) {
            try {
              if ("size" in step) await store(step.name, step.size, step.keep);
              else if ("to" in step) await files.rename(alice, step.name, step.to);
              else if ("version" in step) {
                const found = await files.find(alice, step.name, { version: step.version });
                if (found === undefined) continue;
                if (step.do === "forget") await files.forget(found.content.id);
                else await files.setDamage(found.content.id, "content");
              } else await files.remove(alice, step.name);
            } catch (error) {
              assert.deepEqual(error, new CatalogRefusal("name-conflict"));
            }
          }
          assert.deepEqual(await files.usage(alice), {
            ...sum(await files.listAll(alice)),
            replaced: NOTHING,
          });
          const before = await files.usage(alice, { name: next, size: 5, keep, open: [] });
          if (await store(next, 5, keep).then(() => false, () => true)) return;
          assert.deepEqual(await files.usage(alice), {
            ...{ bytes: before.bytes + 5, files: before.files + 1, replaced: NOTHING },
          });
        },
      ),
      { numRuns: 100, seed: 7 },
    );
  },
);
