/** Protocol 4: interrupted uploads are resumed. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { removeUser } from "../../../server/operator/users.ts";
import { DiskBlobStore } from "../../../server/blobs/disk/disk_blob_store.ts";
import { GarbageCollector } from "../../../server/uploads/garbage_collector.ts";
import { PartialUploads } from "../../../server/v4/partial_uploads.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { SqliteCatalog } from "../../../server/catalog/sqlite/sqlite_catalog.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import { Fixture, got, startServer } from "../../support/v4/fixture.ts";
import { digestOfFirst, EMPTY_DIGEST, missing, Uploader } from "../../support/v4/raw_client.ts";

const content = pseudoRandomBytes(4 * CHUNK_SIZE + 77);

async function createFixture(limits = {}, ...names: readonly string[]): Promise<Fixture> {
  const fixture = await Fixture.create(limits);
  for (const name of ["Alice", ...names]) (await fixture.client(name))[Symbol.dispose]();
  return fixture;
}

/** Sends the first chunks of a file and disconnects. Resolves when the server has recorded them. */
async function breakOff(fixture: Fixture, count: number, name = "a") {
  {
    using alice = await Uploader.login(fixture, "Alice");
    await take(fixture, (await alice.resume(content, { name })).transfer, count);
  }
  while (durableBytesOf(fixture, name) === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(durableBytesOf(fixture, name), Math.min(count * CHUNK_SIZE, content.length));
}

/** Sends the first chunks of a transfer. A joined connection gets confirmations. */
async function take(fixture: Fixture, transfer: Bytes, count: number): Promise<void> {
  using other = await Uploader.login(fixture, "Alice");
  const joined = await other.join(transfer);
  await other.send(joined, content, ...missing(content, 0).slice(0, count));
  await other.leave(joined);
}

/** The recorded size of a partial upload, in bytes. */
function durableBytesOf(fixture: Fixture, name = "a"): number | undefined {
  using database = new DatabaseSync(fixture.folder.join("data", "catalog.db"), { readOnly: true });
  return database.prepare("SELECT held FROM partials WHERE name = ?").get(name)?.["held"] as number;
}

async function finish(alice: Uploader, tag: number, offset: number): Promise<void> {
  await alice.send(tag, content, ...missing(content, offset));
  assert.equal((await alice.end(tag, content)).cksum, cksum(content));
}

/** Asserts that the file is stored and that nothing else is left of it. */
async function assertStored(fixture: Fixture): Promise<void> {
  using alice = await fixture.client("Alice");
  assert.deepEqual(await got(alice, "a"), content);
  assert.deepEqual(fixture.blobs("staging"), []);
  assert.equal(fixture.blobs("files").length, 1);
}

for (const chunks of [0, 1, 3, 5]) {
  Deno.test(`v4 resume: after ${chunks} of 5 chunks and a disconnect, these are kept`, async () => {
    await using fixture = await createFixture();
    using first = await Uploader.login(fixture, "Alice");
    const begun = await first.resume(content);
    assert.deepEqual([begun.offset, begun.digest], [0, EMPTY_DIGEST]);
    await first.send(begun.tag, content, ...missing(content, 0).slice(0, chunks));
    first[Symbol.dispose]();
    using again = await Uploader.login(fixture, "Alice");
    const { tag, offset, digest, transfer } = await again.resume(content);
    // The last chunks may be lost with the connection. The partial upload is sound.
    assert.ok(offset <= Math.min(chunks * CHUNK_SIZE, content.length));
    assert.ok(offset % CHUNK_SIZE === 0 || offset === content.length);
    assert.deepEqual(digest, digestOfFirst(content, offset));
    assert.notDeepEqual(transfer, begun.transfer);
    await finish(again, tag, offset);
    await assertStored(fixture);
  });
}

Deno.test("v4 resume: received chunks survive a restart of the server", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  const { transfer } = await alice.resume(content);
  using other = await Uploader.login(fixture, "Alice");
  const joined = await other.join(transfer);
  await other.send(joined, content, 0, 1, 2, 4);
  await other.leave(joined);
  await fixture.server.close();
  fixture.server = await startServer(fixture.folder.join("data"));
  assert.equal(fixture.blobs("staging").length, 1);
  using again = await Uploader.login(fixture, "Alice");
  const partial = await again.resume(content);
  assert.equal(partial.offset, 3 * CHUNK_SIZE, "there is a gap before chunk 4");
  assert.deepEqual(partial.digest, digestOfFirst(content, partial.offset));
  await finish(again, partial.tag, partial.offset);
  await assertStored(fixture);
});

Deno.test("v4 resume: a client that is cut off repeatedly sends no chunk twice", async () => {
  await using fixture = await createFixture();
  for (let count = 0; count < 4; count++) {
    using alice = await Uploader.login(fixture, "Alice");
    const partial = await alice.resume(content);
    assert.equal(partial.offset, count * CHUNK_SIZE);
    assert.deepEqual(partial.digest, digestOfFirst(content, partial.offset));
    using other = await Uploader.login(fixture, "Alice");
    const joined = await other.join(partial.transfer);
    await other.send(joined, content, count);
    await other.leave(joined);
  }
  using alice = await Uploader.login(fixture, "Alice");
  const partial = await alice.resume(content);
  await finish(alice, partial.tag, partial.offset);
  await assertStored(fixture);
});

Deno.test("v4 resume: a connection ends when its client resumes on another, and its chunks are kept", async () => {
  await using fixture = await createFixture();
  using stale = await Uploader.login(fixture, "Alice");
  await take(fixture, (await stale.resume(content)).transfer, 2);
  using again = await Uploader.login(fixture, "Alice");
  const partial = await again.resume(content);
  assert.equal(partial.offset, 2 * CHUNK_SIZE);
  assert.equal(await stale.ended(), "connection-lost");
  assert.deepEqual(partial.digest, digestOfFirst(content, partial.offset));
  await finish(again, partial.tag, partial.offset);
  await assertStored(fixture);
});

Deno.test("v4 resume: of many simultaneous resumptions one continues, and the file is stored whole", async () => {
  await using fixture = await createFixture();
  await breakOff(fixture, 2);
  const clients = await Promise.all(
    Array.from({ length: 6 }, () => Uploader.login(fixture, "Alice")),
  );
  const outcomes = await Promise.allSettled(clients.map(async (client) => {
    const { tag, offset } = await client.resume(content);
    await client.send(tag, content, ...missing(content, offset));
    return await client.end(tag, content);
  }));
  for (const client of clients) client[Symbol.dispose]();
  assert.ok(outcomes.some(({ status }) => status === "fulfilled"));
  await assertStored(fixture);
});

Deno.test("v4 resume: another size or time starts over, and the partial upload is discarded", async () => {
  await using fixture = await createFixture();
  for (const change of ["size", "mtime"]) {
    await breakOff(fixture, 2);
    using alice = await Uploader.login(fixture, "Alice");
    const other = change === "size" ? content.slice(1) : content;
    const partial = await alice.resume(other, { mtime: change === "mtime" ? 2 : 1 });
    assert.deepEqual([partial.offset, partial.digest], [0, EMPTY_DIGEST], change);
    await alice.cancel(partial.tag);
    await alice.settle();
    assert.deepEqual(fixture.blobs("staging"), [], change);
  }
});

Deno.test("v4 resume: other users cannot resume a partial upload", async () => {
  await using fixture = await createFixture({}, "Bob");
  await breakOff(fixture, 2);
  await using log = await ServerLog.take("debug");
  using bob = await Uploader.login(fixture, "Bob");
  assert.equal((await bob.resume(content)).offset, 0);
  assert.deepEqual(log.of("file.resumed"), [], "for the server it is a file of another account");
  using alice = await Uploader.login(fixture, "Alice");
  const partial = await alice.resume(content);
  await finish(alice, partial.tag, partial.offset);
  assert.equal(log.of("file.resumed").length, 1);
  using client = await fixture.client("Alice");
  assert.deepEqual(await got(client, "a"), content);
});

const DROPS: Readonly<Record<string, (alice: Uploader, fixture: Fixture) => Promise<unknown>>> = {
  "the file is stored": async (alice) => {
    const { tag, offset } = await alice.resume(content);
    await finish(alice, tag, offset);
  },
  "the client cancels": async (alice) => await alice.cancel((await alice.resume(content)).tag),
  "the client starts over": async (alice) => await alice.cancel(await alice.begin(content)),
  "the sums differ": async (alice) => {
    const { tag, offset } = await alice.resume(content);
    await alice.send(tag, content, ...missing(content, offset));
    const sums = { size: content.length, cksum: 0, digest: new Uint8Array(32) };
    await alice.mux.askFor({ kind: "end", tag, ...sums }, "mismatch");
  },
  "its staged file is missing": async (_, fixture) => {
    for (const path of fixture.blobs("staging")) await Deno.remove(path);
  },
  "its staged file is shorter": async (_, fixture) => {
    for (const path of fixture.blobs("staging")) await Deno.truncate(path, CHUNK_SIZE - 1);
  },
};

for (const [why, drop] of Object.entries(DROPS)) {
  Deno.test(`v4 resume: a partial upload is discarded when ${why}`, async () => {
    await using fixture = await createFixture();
    await breakOff(fixture, 2);
    using alice = await Uploader.login(fixture, "Alice");
    assert.equal(fixture.blobs("staging").length, 1);
    await drop(alice, fixture);
    await alice.settle();
    if (!why.startsWith("its staged file")) assert.deepEqual(fixture.blobs("staging"), []);
    const partial = await alice.resume(content);
    assert.deepEqual([partial.offset, partial.digest], [0, EMPTY_DIGEST]);
    await alice.cancel(partial.tag);
    await alice.settle();
    assert.deepEqual(fixture.blobs("staging"), []);
  });
}

Deno.test("v4 resume: if the sums contradict the partial upload, the next attempt starts at zero", async () => {
  await using fixture = await createFixture();
  await breakOff(fixture, 2);
  const [path = ""] = fixture.blobs("staging");
  using alice = await Uploader.login(fixture, "Alice");
  const other = pseudoRandomBytes(content.length, 5);
  const { tag, offset } = await alice.resume(content);
  assert.ok(offset > 0 && path !== "");
  await alice.send(tag, other, ...missing(other, offset));
  await assert.rejects(alice.end(tag, other), { code: "unexpected-answer" });
  assert.equal((await alice.resume(content)).offset, 0);
});

Deno.test("v4 resume: a partial upload counts for the quota, and can still be resumed", async () => {
  await using fixture = await createFixture({ quota: content.length + CHUNK_SIZE });
  await breakOff(fixture, 3);
  using alice = await Uploader.login(fixture, "Alice");
  const large = content.subarray(0, 3 * CHUNK_SIZE);
  await assert.rejects(alice.resume(large.slice(), { name: "b" }), { code: "over-limit" });
  await alice.cancel(1);
  using again = await Uploader.login(fixture, "Alice");
  const { tag, offset } = await again.resume(content);
  await finish(again, tag, offset);
});

Deno.test("v4 resume: beyond the limit of partial uploads of a client, the oldest is discarded", async () => {
  await using fixture = await createFixture({ maxPartialsPerClient: 2 });
  for (const name of ["a", "b", "c"]) await breakOff(fixture, 1, name);
  using alice = await Uploader.login(fixture, "Alice");
  const offsets: number[] = [];
  for (const name of ["a", "b", "c"]) {
    const { offset, tag } = await alice.resume(content, { name });
    offsets.push(offset);
    await alice.cancel(tag);
  }
  await alice.settle();
  assert.deepEqual(offsets, [0, CHUNK_SIZE, CHUNK_SIZE]);
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("v4 resume: removing a user removes the partial uploads", async () => {
  await using fixture = await createFixture();
  await breakOff(fixture, 2);
  assert.equal(fixture.blobs("staging").length, 1);
  // Partial uploads are not stored files, so no file counts.
  const count = await removeUser(fixture.folder.join("data"), "Alice");
  assert.equal(count, 0);
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("v4 resume: the start removes staged files without a row, and rows without a file", async () => {
  await using fixture = await createFixture();
  await breakOff(fixture, 2);
  await fixture.server.close();
  const [path = ""] = fixture.blobs("staging");
  const stray = fixture.folder.join("data", "staging", "0".repeat(32));
  await Deno.writeFile(stray, content);
  fixture.server = await startServer(fixture.folder.join("data"));
  assert.deepEqual(fixture.blobs("staging"), [path]);
  await fixture.server.close();
  await Deno.truncate(path, CHUNK_SIZE);
  fixture.server = await startServer(fixture.folder.join("data"));
  assert.deepEqual(fixture.blobs("staging"), []);
  const catalog = SqliteCatalog.openToRead(fixture.folder.join("data", "catalog.db"));
  await using _closed = catalog;
  assert.deepEqual(await catalog.uploads.scan(undefined, 10), []);
});

Deno.test("v4 resume: a partial upload is discarded after its time has passed", async () => {
  const now = { ms: Date.now() };
  await using folder = await TemporaryFolder.create();
  const blobs = await DiskBlobStore.create(folder.path, Deno);
  await using catalog = SqliteCatalog.open(folder.join("catalog.db"));
  const id = pseudoRandomBytes(16);
  const key = pseudoRandomBytes(32);
  await catalog.accounts.registerV4({
    id,
    name: "Alice",
    key,
    now: 0,
    expiredBefore: 0,
    registration: "open",
  });
  const limits = DEFAULT_LIMITS;
  const garbage = new GarbageCollector({
    ...{ catalog, blobs },
    onFailure: (path) => assert.fail(path),
  });
  const partial = new PartialUploads({ catalog, blobs, limits, clock: () => now.ms, garbage });
  const save = async (name: string) => {
    const writer = await blobs.create({ owner: id });
    await writer.write(0, new Uint8Array(5));
    await writer.suspend(5);
    const path = writer.uploadId;
    const sums = new Uint8Array(36);
    await partial.save({
      accountId: id,
      name,
      size: 9,
      mtime: 0n,
      id: path,
      durableBytes: 5,
      sums,
    });
    return path;
  };
  await save("a");
  const open = await save("open");
  garbage.hold(open);
  now.ms += 1000;
  const later = await save("b");
  await partial.expire(now.ms);
  const left = () =>
    [...Deno.readDirSync(folder.join("staging"))].map(({ name }) => `staging/${name}`).sort();
  assert.deepEqual(left(), [later, open].sort(), "an upload in progress keeps its staged file");
  assert.equal(await partial.find(id, "a"), undefined);
  assert.equal((await partial.find(id, "b"))?.durableBytes, 5);
  await garbage.release(open);
  assert.deepEqual(left(), [later]);
  assert.deepEqual(await catalog.blobs.garbage(undefined, 9), []);
});
