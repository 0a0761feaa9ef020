/** Old versions: kept by the operator's setting, downloaded, counted, verified. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup, restore } from "../../../server/operator/mod.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { removeUser } from "../../../server/operator/users.ts";
import { verify } from "../../../server/operator/verify.ts";
import { getFile } from "../../../client/v4/get_files.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture, got, ON_DISK, put, startServer } from "../../support/v4/fixture.ts";
import { startInThisThread } from "../../support/server.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";

const content = (seed: number, size = 1000) => pseudoRandomBytes(size, seed);

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

async function restart(fixture: Fixture, limits: Partial<Limits>): Promise<void> {
  await fixture.server.close();
  fixture.server = await startServer(fixture.folder.join("data"), { ...ON_DISK, ...limits });
}

Deno.test("versions: by default only the current file is kept", async () => {
  await using fixture = await prepared(3, {});
  using client = await fixture.client("Alice");
  assert.deepEqual(await versions(client, "a"), sums(3));
  assert.equal(fixture.blobs("files").length, 1);
});

Deno.test("versions: the latest are kept, listed newest first, and downloaded by their numbers", async () => {
  await using fixture = await prepared(5, { versions: 3 });
  using client = await fixture.client("Alice");
  assert.deepEqual(await versions(client, "a"), sums(5, 4, 3));
  assert.equal(fixture.blobs("files").length, 3);
  for (const version of [3, 4, 5]) {
    const chunks: Bytes[] = [];
    const write = (chunk: Bytes) => Promise.resolve(void chunks.push(chunk.slice()));
    const file = await client.get({ name: "a", version }, write);
    assert.deepEqual([file.version, chunks], [version, [content(version)]]);
    assert.equal((await client.stat("a", version)).cksum, cksum(content(version)));
  }
  for (const version of [1, 2, 6, 2 ** 32 - 1]) {
    await assert.rejects(client.stat("a", version), { code: "no-such-file" });
  }
  await assert.rejects(versions(client, "b"), { code: "no-such-file" });
  const current: number[] = [];
  await client.list("", ({ version }) => current.push(version));
  assert.deepEqual(current, [5], "the list contains current files only");
});

Deno.test("versions: an old one uploaded again becomes the current one, and the newest", async () => {
  await using fixture = await prepared(2, { versions: 3 });
  const target = fixture.folder.join("back");
  await getFile({ connect: await fixture.options("Alice"), name: "a", version: 1, target });
  using client = await fixture.client("Alice");
  await store(fixture, client, "a", new Uint8Array(await Deno.readFile(target)));
  assert.deepEqual(await versions(client, "a"), [[3, cksum(content(1))], ...sums(2, 1)]);
});

Deno.test("versions: they are renamed and removed with their name", async () => {
  await using fixture = await prepared(3, { versions: 3 });
  using client = await fixture.client("Alice");
  await client.rename("a", "b/c");
  assert.deepEqual(await versions(client, "b/c"), sums(3, 2, 1));
  await assert.rejects(versions(client, "a"), { code: "no-such-file" });
  await client.remove("b/c");
  await assert.rejects(versions(client, "b/c"), { code: "no-such-file" });
  assert.deepEqual(fixture.blobs("files"), []);
});

Deno.test("versions: after the setting was lowered, surplus versions are deleted with the next upload", async () => {
  await using fixture = await prepared(4, { versions: Infinity });
  {
    using client = await fixture.client("Alice");
    assert.deepEqual(await versions(client, "a"), sums(4, 3, 2, 1));
  }
  await restart(fixture, { versions: 2 });
  {
    using client = await fixture.client("Alice");
    assert.deepEqual(await versions(client, "a"), sums(4, 3, 2, 1));
    await store(fixture, client, "a", content(5));
    assert.deepEqual(await versions(client, "a"), sums(5, 4));
  }
  await restart(fixture, { versions: 0 });
  using client = await fixture.client("Alice");
  await store(fixture, client, "a", content(6));
  assert.deepEqual(await versions(client, "a"), sums(6));
  assert.equal(fixture.blobs("files").length, 1);
});

Deno.test("versions: their bytes count for the quota, those of deleted versions do not", async () => {
  // The quota holds two versions of 1000 bytes and a third to overwrite one, but no other file.
  await using fixture = await prepared(3, { versions: 2, quota: 2500, quotaFiles: 1 });
  using client = await fixture.client("Alice");
  assert.deepEqual(await versions(client, "a"), sums(3, 2));
  assert.equal(await store(fixture, client, "a", content(4, 1501)), "over-limit");
  assert.equal(await store(fixture, client, "b", content(4, 100)), "over-limit", "files");
  assert.equal(await store(fixture, client, "a", content(4, 1500)), cksum(content(4, 1500)));
  assert.equal(await store(fixture, client, "a", content(5, 1001)), "over-limit", "1500 are kept");
  await client.remove("a");
  assert.equal(await store(fixture, client, "b", content(6, 2500)), cksum(content(6, 2500)));
});

Deno.test("versions: files overwritten over protocol 3 are kept, too, and counted", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  await using server = await startInThisThread({
    ...{ listen: [{ hostname: "127.0.0.1", port: 0 }], dataFolder },
    limits: { versions: 2, quota: 2500 },
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
  assert.equal(kindOf(await peer.sendFile("a", content(4, 1600))), "generalError");
});

Deno.test("versions: the operator lists and exports them; verify, backup, restore and removal include them", async () => {
  await using fixture = await prepared(3, { versions: 3 });
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

Deno.test("versions: a backup during uploads misses none", async () => {
  await using fixture = await prepared(4, { versions: 3 });
  using client = await fixture.client("Alice");
  const copying = backup(fixture.folder.join("data"), fixture.folder.join("backup"));
  for (let seed = 5; seed < 15; seed++) await store(fixture, client, "a", content(seed));
  assert.deepEqual((await copying).damaged, []);
  assert.equal((await copying).files, 3);
});

Deno.test("versions: a commit that reports failure and still holds keeps its blob, even as an old version", async () => {
  await using fixture = await prepared(1, { versions: 3 });
  await fixture.server.close();
  let failing = false;
  fixture.server = await startInThisThread({
    ...{ listen: [{ hostname: "127.0.0.1", port: 0 }], dataFolder: fixture.folder.join("data") },
    ...{ tlsListen: "beside", limits: { versions: 3 } },
    openCatalog: async (path) => {
      const catalog = await openInThisThread(path);
      return interceptedCatalog(catalog, async (method, _args, next) => {
        const recorded = await next();
        if (!failing || method !== "files.commit") return recorded;
        failing = false;
        // Another connection stores the same name before this one gets its answer.
        using other = await fixture.client("Alice");
        await store(fixture, other, "a", content(3));
        throw new Error("disk I/O error");
      });
    },
  });
  using client = await fixture.client("Alice");
  failing = true;
  assert.equal(await store(fixture, client, "a", content(2)), "cannot-store");
  assert.deepEqual(await versions(client, "a"), sums(3, 2, 1));
  assert.deepEqual(await got(client, "a", { version: 2 }), content(2));
});
