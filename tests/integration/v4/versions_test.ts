/** History: replaced and removed versions are kept for a time, downloaded, restored, counted, verified. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup, restore } from "../../../server/operator/mod.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { removeUser } from "../../../server/operator/users.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../server/limits/limits.ts";
import type { Log } from "../../../server/limits/server_log.ts";
import { GarbageCollector } from "../../../server/uploads/garbage_collector.ts";
import { expireHistory } from "../../../server/uploads/history.ts";
import { blob, login, v4File } from "../../support/store/catalog_suite.ts";
import { verify } from "../../../server/operator/verify.ts";
import { getFile } from "../../../client/v4/get_files.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture, got, ON_DISK, put } from "../../support/v4/fixture.ts";
import { startInThisThread } from "../../support/server.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";

const KEEP = { historyMs: 24 * 60 * 60_000 };

// Neighboring seeds may give the same bytes.
const content = (seed: number, size = 1000) => pseudoRandomBytes(size, 2 * seed);

async function store(
  fixture: Fixture,
  client: V4Client,
  name: string,
  bytes: Bytes,
): Promise<number | string | undefined> {
  const file = await fixture.source("source", bytes);
  return (await put(client, [{ file, name }]))[0];
}

/** The number and checksum of each, as the server lists them. */
async function versions(client: V4Client, name: string): Promise<[number, number][]> {
  const found: [number, number][] = [];
  await client.versions(name, ({ version, cksum }) => found.push([version, cksum]));
  return found;
}

const sums = (...seeds: readonly number[]) =>
  seeds.map((seed): [number, number] => [seed, cksum(content(seed))]);

/** A server with versions 1 to `count` of "a". */
async function prepared(count: number, limits: Partial<Limits>): Promise<Fixture> {
  const fixture = await Fixture.create({ ...ON_DISK, ...limits });
  using client = await fixture.client("Alice");
  for (let seed = 1; seed <= count; seed++) await store(fixture, client, "a", content(seed));
  return fixture;
}

Deno.test("history: with --history 0 only the current file is kept", async () => {
  await using fixture = await prepared(3, { historyMs: 0 });
  using client = await fixture.client("Alice");
  assert.deepEqual(await versions(client, "a"), sums(3));
  assert.equal(fixture.blobs("files").length, 1);
});

Deno.test("history: all versions are listed newest first, and downloaded by their numbers", async () => {
  await using fixture = await prepared(3, KEEP);
  using client = await fixture.client("Alice");
  assert.deepEqual(await versions(client, "a"), sums(3, 2, 1));
  assert.equal(fixture.blobs("files").length, 3);
  for (const version of [1, 2, 3]) {
    const chunks: Bytes[] = [];
    const write = (chunk: Bytes) => Promise.resolve(void chunks.push(chunk.slice()));
    const file = await client.get({ name: "a", version }, write);
    assert.deepEqual([file.version, chunks], [version, [content(version)]]);
    assert.equal(file.endedAt > 0, version < 3);
    assert.equal((await client.stat("a", version)).cksum, cksum(content(version)));
  }
  for (const version of [6, 2 ** 32 - 1]) {
    await assert.rejects(client.stat("a", version), { code: "no-such-file" });
  }
  await assert.rejects(versions(client, "b"), { code: "no-such-file" });
  const current: number[] = [];
  await client.list("", ({ version }) => current.push(version));
  assert.deepEqual(current, [3], "the list contains current files only");
});

Deno.test("history: an old version uploaded again becomes the current one, and the newest", async () => {
  await using fixture = await prepared(2, KEEP);
  const target = fixture.folder.join("back");
  await getFile({ connect: await fixture.options("Alice"), name: "a", version: 1, target });
  using client = await fixture.client("Alice");
  await store(fixture, client, "a", new Uint8Array(await Deno.readFile(target)));
  assert.deepEqual(await versions(client, "a"), [[3, cksum(content(1))], ...sums(2, 1)]);
});

Deno.test("history: it is renamed with its name, and stays when that is removed", async () => {
  await using fixture = await prepared(3, KEEP);
  using client = await fixture.client("Alice");
  await client.rename("a", "b/c");
  assert.deepEqual(await versions(client, "b/c"), sums(3, 2, 1));
  await assert.rejects(versions(client, "a"), { code: "no-such-file" });
  await client.remove("b/c");
  await assert.rejects(client.stat("b/c"), { code: "no-such-file" });
  assert.deepEqual(await versions(client, "b/c"), sums(3, 2, 1));
  assert.equal(fixture.blobs("files").length, 3);
});

Deno.test("history: of an account, the oldest goes when its quota is needed", async () => {
  await using fixture = await prepared(3, { ...KEEP, quota: 2500, quotaFiles: 3 });
  using client = await fixture.client("Alice");
  assert.deepEqual(await versions(client, "a"), sums(3, 2), "three would be 3000 bytes");
  assert.equal(await store(fixture, client, "b", content(4, 1501)), "over-limit");
  assert.equal(await store(fixture, client, "b", content(4, 1500)), cksum(content(4, 1500)));
  assert.deepEqual(await versions(client, "a"), sums(3));
  assert.equal(fixture.blobs("files").length, 2);
  for (const name of ["b", "c", "d"]) {
    const outcome = await store(fixture, client, name, content(5, 1));
    assert.equal(outcome, name === "d" ? "over-limit" : cksum(content(5, 1)), name);
  }
  assert.equal(fixture.blobs("files").length, 3, "three files are current");
});

Deno.test("history: it expires, oldest first, and at once after --history 0", async () => {
  const now = { value: 1_000_000 };
  await using folder = await TemporaryFolder.create();
  await using catalog = await openInThisThread(folder.join("catalog.db"));
  assert.equal(await login(catalog), "registered");
  for (const [i, storedAt] of [0, 10, 20, 30].entries()) {
    await catalog.files.commit(v4File(i, { storedAt: now.value + storedAt }), {
      keepHistory: true,
    });
  }
  const deleted: string[] = [];
  const events: unknown[] = [];
  const garbage = new GarbageCollector({
    catalog,
    blobs: { delete: (id) => Promise.resolve(void deleted.push(id)) },
    onFailure: assert.fail,
  });
  const expire = (historyMs: number, at: number) =>
    expireHistory({
      ...{ store: { catalog }, limits: { ...DEFAULT_LIMITS, historyMs }, garbage },
      log: { info: (_, properties) => void events.push(properties) } as Log,
    }, now.value + at);
  await expire(1000, 1010);
  assert.deepEqual([deleted, events], [[], []]);
  await expire(1000, 1011);
  assert.deepEqual(deleted, [blob(0)]);
  await expire(Infinity, 1e12);
  assert.deepEqual(deleted, [blob(0)]);
  await expire(0, 0);
  assert.deepEqual(deleted, [0, 1, 2].map(blob));
  assert.deepEqual(events, [
    { event: "history.expired", files: 1, bytes: 10 },
    { event: "history.expired", files: 2, bytes: 20 },
  ]);
});

Deno.test("history: on a full disk, the oldest of all accounts makes room for uploads", async () => {
  // Seven blobs of 1000 bytes fit, and the size of one more stays free.
  let blobs = () => 0;
  const options = { freeSpace: () => Promise.resolve(8000 - 1000 * blobs()) };
  await using fixture = await Fixture.create({ ...ON_DISK, ...KEEP, minFree: 1000 }, options);
  blobs = () => fixture.blobs("files").length;
  using alice = await fixture.client("Alice");
  using bob = await fixture.client("Bob");
  for (const seed of [1, 2, 3]) await store(fixture, alice, "a", content(seed));
  for (const seed of [1, 2, 3]) await store(fixture, bob, "b", content(seed));
  const left = async () => [await versions(alice, "a"), await versions(bob, "b")];
  assert.equal(await store(fixture, bob, "c", content(9, 6000)), "over-limit");
  assert.deepEqual(await left(), [sums(3, 2, 1), sums(3, 2, 1)], "all history is too little");
  for (const name of ["c", "d", "e", "f"]) await store(fixture, alice, name, content(4));
  assert.deepEqual(await left(), [sums(3), sums(3, 2)]);
  await store(fixture, alice, "g", content(4));
  assert.deepEqual(await left(), [sums(3), sums(3)]);
  assert.equal(await store(fixture, alice, "h", content(4)), "over-limit");
  assert.equal(blobs(), 7);
});

Deno.test("history: files overwritten over protocol 3 are kept, too, within the quota", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  await using server = await startInThisThread({
    ...{ listen: [{ hostname: "127.0.0.1", port: 0 }], dataFolder },
    limits: { ...KEEP, quota: 2500 },
  });
  using peer = await RawClient.connect(server.address);
  await peer.enrol("Alice");
  for (const seed of [1, 2, 3]) {
    await peer.sendFile("a", content(seed));
    assert.equal(kindOf(await peer.judge("crcValid", "a")), "messageReceived");
  }
  const [client] = await listStored(dataFolder);
  const kept = client?.files.map(({ version, current, crc }) => [version, current, crc]);
  assert.deepEqual(kept, [[2, false, cksum(content(2))], [3, true, cksum(content(3))]]);
});

Deno.test("history: the operator lists and exports it; verify, backup, restore and removal include it", async () => {
  await using fixture = await prepared(3, KEEP);
  await fixture.server.close();
  const dataFolder = fixture.folder.join("data");
  const all = async (folder: string) => (await listStored(folder))[0]?.files ?? [];
  assert.deepEqual((await all(dataFolder)).map(({ version, current }) => [version, current]), [
    ...[[1, false], [2, false], [3, true]],
  ]);
  const target = fixture.folder.join("exported");
  const request = { dataFolder, userName: "Alice", fileName: "a", target };
  assert.equal((await exportFile({ ...request, version: 2 })).version, 2);
  assert.deepEqual(new Uint8Array(await Deno.readFile(target)), content(2));
  await assert.rejects(exportFile({ ...request, version: 4, target: `${target}4` }), {
    ...{ code: "no-such-file", message: "Alice has no file a, version 4" },
  });

  const copy = fixture.folder.join("backup");
  assert.equal((await backup(dataFolder, copy)).files, 3);
  const restored = fixture.folder.join("restored");
  assert.deepEqual(await restore(copy, restored), { files: 3, bytes: 3000, damaged: [] });
  assert.deepEqual(await all(restored), await all(dataFolder));
  assert.equal((await verify({ dataFolder: restored })).findings, 0);

  const [first] = await all(restored);
  await Deno.writeFile(join(restored, first?.content.id ?? ""), content(9));
  const found: string[] = [];
  await verify({
    ...{ dataFolder: restored, repair: true },
    onFinding: ({ finding }) =>
      found.push(finding.kind === "stray" ? "" : `${finding.kind} ${finding.file.version}`),
  });
  assert.deepEqual(found, ["changed 1"]);
  assert.deepEqual((await all(restored)).map(({ version }) => version), [2, 3]);

  assert.equal(await removeUser(dataFolder, "Alice"), 1);
  assert.deepEqual(fixture.blobs("files"), []);
});

Deno.test("history: a backup during uploads misses nothing", async () => {
  await using fixture = await prepared(4, KEEP);
  using client = await fixture.client("Alice");
  const copying = backup(fixture.folder.join("data"), fixture.folder.join("backup"));
  for (let seed = 5; seed < 15; seed++) await store(fixture, client, "a", content(seed));
  assert.deepEqual((await copying).damaged, []);
  assert.ok((await copying).files >= 4);
});

Deno.test("history: a commit that reports failure and still holds keeps its blob, even in history", async () => {
  await using fixture = await prepared(1, KEEP);
  await fixture.server.close();
  let failing = false;
  fixture.server = await startInThisThread({
    ...{ listen: [{ hostname: "127.0.0.1", port: 0 }], dataFolder: fixture.folder.join("data") },
    ...{ tlsListen: "beside", limits: KEEP },
    openCatalog: async (path) => {
      const catalog = await openInThisThread(path);
      return interceptedCatalog(catalog, async (method, _args, next) => {
        const recorded = await next();
        if (!failing || method !== "files.commit") return recorded;
        failing = false;
        // Another connection stores the same name before this one gets its answer.
        using other = await fixture.client("Alice");
        await store(fixture, other, "a", content(6));
        throw new Error("disk I/O error");
      });
    },
  });
  using client = await fixture.client("Alice");
  failing = true;
  assert.equal(await store(fixture, client, "a", content(2)), "cannot-store");
  assert.deepEqual(await versions(client, "a"), [[3, cksum(content(6))], ...sums(2, 1)]);
  assert.deepEqual(await got(client, "a", { version: 2 }), content(2));
});
