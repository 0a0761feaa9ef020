/** Accounts that may not change what is stored, or store nothing. */
import assert from "node:assert/strict";
import { PackWriter } from "../../../../protocol/v4/pack.ts";
import type { AccessMode } from "../../../../server/catalog/accounts.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { PackOutcomes } from "../../../../server/catalog/packs.ts";
import {
  alice,
  blob,
  catalogTest,
  KEEP,
  key,
  login,
  tree,
  v4File,
} from "../../../support/store/catalog_suite.ts";

const utf8 = new TextEncoder();
const MTIME = 5_000_001n;

async function restricted(catalog: Catalog, access: AccessMode): Promise<void> {
  await login(catalog);
  await catalog.files.commit(v4File(1), KEEP);
  assert.equal(await catalog.accounts.update(alice, { access }), "updated");
}

/** The outcomes of files with these contents. */
async function packed(
  catalog: Catalog,
  entries: readonly (readonly [name: string, content: string, mode?: number])[],
): Promise<string[]> {
  const writer = new PackWriter();
  for (const [name, content, mode] of entries) {
    const bytes = utf8.encode(content);
    writer.begin(name, bytes.length)?.set(bytes);
    writer.add({ entry: "file", mode, mtime: MTIME }, bytes.length);
  }
  const { outcomes } = await catalog.files.commitPack(alice, writer.payload.slice(), {
    ...{ accepted: new Uint8Array(entries.length).fill(1), reserved: { bytes: 0, files: 0 } },
    ...{ storedAt: 3000, storedBy: key(1), keepHistory: true },
  });
  const all = new PackOutcomes(outcomes);
  return entries.map((_, i) => all.outcome(i));
}

catalogTest(
  "the access of an account is listed, and stays until it is changed",
  async (catalog) => {
    await restricted(catalog, "drop-box");
    await catalog.accounts.update(alice, { disabled: false });
    assert.equal((await catalog.accounts.find({ id: alice }))?.access, "drop-box");
    assert.deepEqual((await catalog.accounts.list()).map(({ access }) => access), ["drop-box"]);
  },
);

for (const access of ["append-only", "drop-box"] as const) {
  catalogTest(
    `an account that is ${access} stores new files, and replaces none`,
    async (catalog) => {
      await restricted(catalog, access);
      const { files } = catalog;
      assert.equal((await files.commit(v4File(2, { name: "b" }), KEEP)).version, 1);
      const other = v4File(3, { tree: { ...tree, digest: key(501) } });
      await assert.rejects(files.commit(other, KEEP), { reason: "append-only" });
      const later = v4File(4, { crc: 1, tree: { ...tree, mtime: 6n } });
      await assert.rejects(files.commit(later, KEEP), { reason: "append-only" }, "another time");
      const folder = v4File(5, { kind: "folder", size: 0 });
      await assert.rejects(files.commit(folder, KEEP), { reason: "append-only" });
      assert.equal((await files.commit(v4File(6, { crc: 1 }), KEEP)).version, 1, "the same again");
      assert.deepEqual(
        (await files.find(alice, "a"))?.tree,
        tree,
      );
      assert.equal((await files.usage(alice)).history.files, 0);
    },
  );

  catalogTest(
    `an account that is ${access} stores new files of a pack, and replaces none`,
    async (catalog) => {
      await restricted(catalog, "full");
      await packed(catalog, [["p", "1"]]);
      await catalog.accounts.update(alice, { access });
      const entries = [["a", "x"], ["p", "2"], ["p", "1", 0o600], ["p", "1"], [
        "new",
        "3",
      ]] as const;
      assert.deepEqual(await packed(catalog, entries), [
        ...["append-only", "append-only", "append-only", "kept", "stored"],
      ]);
    },
  );
}

catalogTest(
  "an account that is append-only replaces no content by one that only its client has hashed",
  async (catalog) => {
    await restricted(catalog, "append-only");
    const { files } = catalog;
    const again = await files.commit(v4File(2, { crc: 1 }), KEEP);
    assert.deepEqual([again.version, again.garbage], [1, [blob(2)]]);
    assert.equal((await files.find(alice, "a"))?.content.id, blob(1));
    const hashed = await files.commit(v4File(3, { crc: 1, confirmedAt: 4000 }), KEEP);
    assert.deepEqual([hashed.version, hashed.garbage], [1, [blob(1)]]);
    assert.equal((await files.find(alice, "a"))?.content.id, blob(3));
  },
);

catalogTest("an account that is append-only repairs a damaged file", async (catalog) => {
  await restricted(catalog, "append-only");
  await catalog.files.setDamage(blob(1), "content");
  assert.equal((await catalog.files.commit(v4File(7, { crc: 1 }), KEEP)).version, 2);
});

catalogTest("an account that is append-only does not push out its history", async (catalog) => {
  await login(catalog);
  const quota = { bytes: 25, files: 100 };
  await catalog.files.commit(v4File(1), KEEP);
  const digest = (number: number) => ({ tree: { ...tree, digest: key(number) } });
  await catalog.files.commit(v4File(2, digest(502)), KEEP);
  await catalog.accounts.update(alice, { access: "append-only" });
  await catalog.files.commit(v4File(3, { name: "b", ...digest(503) }), { ...KEEP, quota });
  assert.equal((await catalog.files.usage(alice)).history.files, 1);
  const full = catalog.files.commit(v4File(4, { name: "c" }), { ...KEEP, quota });
  await assert.rejects(full, { reason: "quota-bytes" });
});

catalogTest("an account that is read-only stores nothing", async (catalog) => {
  await restricted(catalog, "read-only");
  const file = v4File(2, { name: "b" });
  await assert.rejects(catalog.files.commit(file, KEEP), { reason: "read-only" });
  assert.deepEqual(await packed(catalog, [["c", "x"]]), ["read-only"]);
});
