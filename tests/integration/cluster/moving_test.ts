/** Migration, backup and restore of a database and an object store. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { isDumping } from "../../../server/catalog/table_copy.ts";
import { audit } from "../../../server/data_folder/audit.ts";
import { backup, listBackup } from "../../../server/operator/mod.ts";
import { migrateFromFolder, migrateToFolder, restore } from "../../../server/operator/mod.ts";
import type { StoreOpeners } from "../../../server/stores/open_stores.ts";
import { type ServerLocation, withReadOnly } from "../../../server/stores/with_store.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { rowsOf } from "../../support/store/copied_rows.ts";
import { tamper } from "../../support/store/database.ts";
import { clusterSecret, elsewhereForReal, optionsOf } from "../../support/store/elsewhere.ts";
import type { FakeS3 } from "../../support/store/fake_s3.ts";
import type { S3Operation } from "../../support/store/s3_call.ts";
import { Fixture, got, put, startServer } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

const PART_SIZE = 2 * CHUNK_SIZE;
const FILES = {
  small: pseudoRandomBytes(900, 1),
  medium: pseudoRandomBytes(100_000, 2),
  large: pseudoRandomBytes(3 * PART_SIZE + 5, 3),
};
/** Old versions are kept. */
const HISTORY = { historyMs: 1e9 };
const NEWER = pseudoRandomBytes(100_001, 4);

/** A database and a bucket, as the operator's commands and servers are given them. */
async function createCluster() {
  const elsewhere = await elsewhereForReal(PART_SIZE);
  const { catalog, blobs, openers, clusterSecret } = optionsOf(elsewhere);
  return {
    ...{ s3: elsewhere.s3, settings: { catalog, blobs }, access: { openers, clusterSecret } },
    options: { catalog, blobs, openers, clusterSecret },
    [Symbol.asyncDispose]: () => elsewhere[Symbol.asyncDispose](),
  };
}

/** A signal that is aborted by the first request of a kind. */
function abortedBy(s3: FakeS3, kind: S3Operation): AbortSignal {
  const stopping = new AbortController();
  s3.fault = ({ operation }) => {
    if (operation === kind) stopping.abort();
    return undefined;
  };
  return stopping.signal;
}

/** Stores files of Alice, one of them twice. */
async function fill(fixture: Fixture): Promise<void> {
  using alice = await fixture.client("Alice");
  for (const [name, content] of Object.entries(FILES)) {
    await put(alice, [{ file: await fixture.source(name, content), name: `dir/${name}` }]);
  }
  await put(alice, [{ file: await fixture.source("newer", NEWER), name: "dir/medium" }]);
  await alice.remove("dir/small");
}

/** Differences between the catalog and the contents of a place, and all its rows. */
async function look(location: ServerLocation, openers?: StoreOpeners) {
  return await withReadOnly(location, async ({ catalog, blobs }) => {
    const found = await Array.fromAsync(
      audit({ catalog, blobs }, { contents: true, strays: true }),
    );
    assert.ok(isDumping(catalog));
    return {
      differences: found.filter(({ kind }) => kind !== "confirmed" && kind !== "sound"),
      rows: await rowsOf(catalog),
    };
  }, openers);
}

/** Fetches the files of Alice, whose client knows the server's key. */
async function assertServed(fixture: Fixture): Promise<void> {
  using alice = await fixture.client("Alice", { onNewServer: () => true });
  assert.deepEqual(await got(alice, "dir/large"), FILES.large);
  assert.deepEqual(await got(alice, "dir/medium"), NEWER);
}

Deno.test("migrate: from a data folder to a cluster and back, nothing is different and the server is the same", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY);
  const shown: string[] = [];
  await fill(fixture);
  (await fixture.client("Bob", { onNewServer: (one) => shown.push(one) > 0 }))[Symbol.dispose]();
  await fixture.server.close();
  const before = await look(fixture.data);
  const { settings, access } = cluster;
  const there = await migrateFromFolder(fixture.data, settings, { access });
  assert.deepEqual([there.files, there.damaged], [4, []]);
  const after = await look(settings, access.openers);
  assert.deepEqual(after, { differences: [], rows: before.rows });
  fixture.server = await startServer(fixture.data, HISTORY, cluster.options);
  await assertServed(fixture);
  (await fixture.client("Carol", { onNewServer: (one) => shown.push(one) > 0 }))[Symbol.dispose]();
  assert.equal(shown[0], shown[1]);
  await assert.rejects(migrateToFolder(settings, fixture.folder.join("early"), { access }), {
    code: "catalog-in-use",
  });
  await fixture.server.close();
  const back = fixture.folder.join("back");
  assert.equal((await migrateToFolder(settings, back, { access })).files, 4);
  const { rows } = await look(settings, access.openers);
  assert.deepEqual(await look(back), { differences: [], rows });
  fixture.server = await startServer(back);
  await assertServed(fixture);
});

Deno.test("migrate: what was interrupted is continued, in both directions", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY);
  await fill(fixture);
  await fixture.server.close();
  const { settings, access, s3 } = cluster;
  const signal = abortedBy(s3, "CompleteMultipartUpload");
  await assert.rejects(migrateFromFolder(fixture.data, settings, { access, signal }), {
    code: "interrupted",
  });
  s3.fault = () => undefined;
  const begun = s3.calls.length;
  await migrateFromFolder(fixture.data, settings, { access });
  assert.ok(!s3.calls.slice(begun).includes("CompleteMultipartUpload"));
  const back = fixture.folder.join("back");
  const halfway = abortedBy(s3, "GetObject");
  await assert.rejects(migrateToFolder(settings, back, { access, signal: halfway }), {
    code: "interrupted",
  });
  await assert.rejects(startServer(back), { code: "not-a-data-folder" });
  s3.fault = () => undefined;
  await migrateToFolder(settings, back, { access });
  assert.deepEqual((await look(back)).differences, []);
});

Deno.test("migrate: contents of an abandoned migration are deleted by the next server", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY);
  await fill(fixture);
  await fixture.server.close();
  const { settings, access, s3 } = cluster;
  const signal = abortedBy(s3, "CompleteMultipartUpload");
  await assert.rejects(migrateFromFolder(fixture.data, settings, { access, signal }));
  assert.ok(s3.objects.size > 0);
  await using server = await startServer(fixture.folder.join("other"), {}, cluster.options);
  assert.ok(server.address.port > 0);
  assert.deepEqual([s3.objects.size, s3.uploads.size], [0, 0]);
});

Deno.test("migrate: a folder in use, a cluster with accounts, and a bucket without a database are refused", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY);
  await fill(fixture);
  const { settings, access } = cluster;
  const migrate = (target = {}) =>
    migrateFromFolder(fixture.data, { ...settings, ...target }, { access });
  await assert.rejects(migrate(), { code: "data-folder-in-use" });
  await fixture.server.close();
  await assert.rejects(migrate({ catalog: undefined }), { code: "target-needs-catalog" });
  await assert.rejects(migrateFromFolder(fixture.folder.join("none"), settings, { access }), {
    code: "no-data-folder",
  });
  await migrate();
  await assert.rejects(migrate(), { code: "target-not-empty" });
  fixture.server = await startServer(fixture.data);
});

Deno.test("migrate: a damaged file is left out and reported, all others arrive", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY);
  await fill(fixture);
  await fixture.server.close();
  const { settings, access } = cluster;
  tamper(
    fixture.folder.join("data", "catalog.db"),
    "UPDATE files SET crc = crc + 1 WHERE name = 'dir/large'",
  );
  const { files, damaged } = await migrateFromFolder(fixture.data, settings, { access });
  assert.equal(files, 3);
  assert.deepEqual(damaged.map(({ name, damage }) => [name, damage]), [["dir/large", "content"]]);
  const { differences, rows } = await look(settings, access.openers);
  assert.deepEqual([differences, rows.files.length], [[], 3]);
  fixture.server = await startServer(fixture.data);
});

Deno.test("migrate: a partial upload resumes on the cluster, at its last whole part, also after an interruption", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY);
  (await fixture.client("Alice"))[Symbol.dispose]();
  {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(FILES.large);
    await alice.send(tag, FILES.large, 0, 1, 2, 3, 4);
    await assert.rejects(alice.settle());
  }
  await fixture.server.close();
  const { settings, access, s3 } = cluster;
  const signal = abortedBy(s3, "UploadPart");
  await assert.rejects(migrateFromFolder(fixture.data, settings, { access, signal }), {
    code: "interrupted",
  });
  s3.fault = () => undefined;
  await migrateFromFolder(fixture.data, settings, { access });
  fixture.server = await startServer(fixture.data, HISTORY, cluster.options);
  using alice = await Uploader.login(fixture, "Alice");
  const { tag, offset } = await alice.resume(FILES.large);
  assert.equal(offset, 2 * PART_SIZE);
  await alice.send(tag, FILES.large, 4, 5, 6);
  await alice.end(tag, FILES.large);
});

Deno.test("backup of a cluster: states share contents, and each restores into a folder or a cluster", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY, cluster.options);
  await fill(fixture);
  const { settings, access } = cluster;
  const target = fixture.folder.join("backup");
  const first = await backup(settings, target, { access });
  assert.deepEqual([first.files, first.newFiles, first.damaged], [4, 4, []]);
  {
    using alice = await fixture.client("Alice");
    await put(alice, [{ file: await fixture.source("more", FILES.small), name: "more" }]);
  }
  const second = await backup(settings, target, { access });
  assert.deepEqual([second.files, second.newFiles], [5, 1]);
  assert.equal((await listBackup(target)).length, 2);
  await fixture.server.close();
  const restored = fixture.folder.join("restored");
  await restore(target, restored);
  const { rows } = await look(settings, access.openers);
  assert.deepEqual(await look(restored), { differences: [], rows });
  await using other = await createCluster();
  const options = { access: other.access, state: first.state };
  assert.equal((await restore(target, other.settings, options)).files, 4);
  assert.deepEqual((await look(other.settings, other.access.openers)).differences, []);
  fixture.server = await startServer(fixture.data, {}, other.options);
  await assertServed(fixture);
});

Deno.test("backup of a cluster: it needs the secret of the cluster", async () => {
  await using cluster = await createCluster();
  await using fixture = await Fixture.create(HISTORY, cluster.options);
  const { settings } = cluster;
  const other = clusterSecret("another secret, which is as long");
  const access = { ...cluster.access, clusterSecret: other };
  const target = fixture.folder.join("backup");
  await assert.rejects(backup(settings, target, { access }), { code: "cluster-secret-wrong" });
  await assert.rejects(listBackup(target), { code: "no-backup" });
});
