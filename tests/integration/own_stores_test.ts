/**
 * A server on custom stores: a blob store like an object store, or the store of a bucket with a fake S3. Both accept
 * bytes in order only and keep whole parts. The catalog is that of the data folder or one in memory.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { putAll } from "../support/v4/put_all.ts";
import type { BlobStore } from "../../server/blobs/blob_store.ts";
import { S3BlobStore } from "../../server/blobs/s3/s3_blob_store.ts";
import type { Catalog } from "../../server/catalog/catalog.ts";
import type { OwnStores } from "../../server/data_folder/data_folder.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { ServerLog } from "../support/server_log.ts";
import { ObjectBlobStore } from "../support/store/object_blob_store.ts";
import { FakeS3 } from "../support/store/fake_s3.ts";
import { memoryCatalog } from "../support/store/memory_catalog.ts";
import { blobId } from "../support/store/ids.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";
import { digestOfFirst, Uploader } from "../support/v4/raw_client.ts";

/** Two chunks. An odd number of chunks ends within a part. */
const PART_SIZE = 2 * CHUNK_SIZE;
const content = pseudoRandomBytes(7 * CHUNK_SIZE + 3);

interface CountedBlobs extends Pick<BlobStore, "delete" | "list" | "read"> {
  /** The numbers of blobs and uploads. */
  readonly counts: { readonly blobs: number; readonly uploads: number };
}

/** A kind of store, empty at first. `open` opens the same again, as after a restart. */
interface Backend extends Partial<AsyncDisposable> {
  readonly open: () => Promise<BlobStore>;
  readonly blobs: CountedBlobs;
}

function objectBackend(): Promise<Backend> {
  const blobs = new ObjectBlobStore({ partSize: PART_SIZE });
  return Promise.resolve({ open: () => Promise.resolve(blobs), blobs });
}

async function bucketBackend(): Promise<Backend> {
  const s3 = new FakeS3({ minPartSize: PART_SIZE });
  const open = () =>
    S3BlobStore.open({
      ...{ bucketUrl: s3.bucketUrl(), region: s3.signer.region, prefix: "" },
      readCredentials: () => Promise.resolve(s3.signer),
      sizes: { part: PART_SIZE, minPart: PART_SIZE },
    });
  const store = await open();
  const blobs: CountedBlobs = {
    read: (...args) => store.read(...args),
    delete: (id) => store.delete(id),
    list: () => store.list(),
    get counts() {
      return { blobs: s3.objects.size, uploads: s3.uploads.size };
    },
  };
  return { open, blobs, [Symbol.asyncDispose]: () => s3[Symbol.asyncDispose]() };
}

const COMBINATIONS = [
  { what: "objects in memory with SQLite", make: objectBackend, catalog: undefined },
  { what: "objects and a catalog in memory", make: objectBackend, catalog: memoryCatalog },
  { what: "a bucket with SQLite", make: bucketBackend, catalog: undefined },
] as const;

interface OwnStoresFixture {
  readonly fixture: Fixture;
  readonly blobs: CountedBlobs;
  /** Restarts the server: its memory is lost, its stores stay. */
  restart(): Promise<void>;
}

function test(what: string, body: (stores: OwnStoresFixture) => Promise<void>): void {
  for (const { what: stores, make, catalog: makeCatalog } of COMBINATIONS) {
    Deno.test(`custom stores: ${what}; ${stores}`, async () => {
      const backend = await make();
      try {
        await run(body, backend, makeCatalog?.());
      } finally {
        await backend[Symbol.asyncDispose]?.();
      }
    });
  }
}

async function run(
  body: (stores: OwnStoresFixture) => Promise<void>,
  { open, blobs }: Backend,
  catalog: Catalog | undefined,
): Promise<void> {
  const stores: OwnStores = {
    openBlobs: open,
    ...(catalog && { openCatalog: () => Promise.resolve(catalog) }),
  };
  await using fixture = await Fixture.create({}, { stores });
  for (const name of ["Alice", "Bob"]) (await fixture.client(name))[Symbol.dispose]();
  await body({ fixture, blobs, restart: () => fixture.restart({ stores }) });
}

test("a file of unknown size is stored, and one that is cut off leaves nothing", async ({ fixture, blobs }) => {
  {
    using alice = await Uploader.login(fixture, "Alice");
    const stored = await alice.stream(content);
    assert.equal(stored.cksum, cksum(content));
    await alice.beginStream("b");
  }
  await fixture.server.close();
  assert.deepEqual(blobs.counts, { blobs: 1, uploads: 0 });
});

test("files are uploaded, downloaded, listed, overwritten and removed", async ({ fixture, blobs, restart }) => {
  const sizes = [0, 5, CHUNK_SIZE - 1, CHUNK_SIZE, 2 * CHUNK_SIZE, content.length];
  const files = sizes.map((size) => [`file${size}`, content.slice(0, size)] as const);
  {
    using client = await fixture.client("Alice");
    const sources = await Promise.all(
      files.map(async ([name, bytes]) => ({ name, file: await fixture.source(name, bytes) })),
    );
    for (const outcome of await put(client, sources)) assert.equal(typeof outcome, "number");
  }
  // Two are small enough for the catalog.
  assert.deepEqual(blobs.counts, { blobs: 4, uploads: 0 });
  await restart();
  using client = await fixture.client("Alice");
  const listed: string[] = [];
  await client.list("", ({ name }) => void listed.push(name));
  assert.deepEqual(listed.sort(), files.map(([name]) => name).sort());
  for (const [name, bytes] of files) assert.ok(areEqual(await got(client, name), bytes));
  const part = await got(client, `file${content.length}`, { from: CHUNK_SIZE + 5 });
  assert.ok(areEqual(part, content.slice(CHUNK_SIZE)));
  const other = await fixture.source("other", content.slice(5));
  await put(client, [{ file: other, name: `file${CHUNK_SIZE}` }]);
  assert.ok(areEqual(await got(client, `file${CHUNK_SIZE}`), content.slice(5)));
  for (const [name] of files) await client.remove(name);
  await client.list("", ({ name }) => assert.fail(name));
  assert.deepEqual(blobs.counts, { blobs: 0, uploads: 0 });
});

for (const how of ["the network is cut", "the server is restarted"]) {
  test(`an upload is resumed at its last whole part when ${how}`, async ({ fixture, blobs, restart }) => {
    const CHUNKS = 5;
    {
      using alice = await Uploader.login(fixture, "Alice");
      const { tag, offset } = await alice.resume(content);
      assert.equal(offset, 0);
      await alice.send(tag, content, ...Array.from({ length: CHUNKS }, (_, index) => index));
      // The server stores the chunks before it reads the request, which is invalid here and ends the connection.
      await assert.rejects(alice.settle());
    }
    if (how === "the server is restarted") await restart();
    using alice = await Uploader.login(fixture, "Alice");
    const { tag, offset, digest } = await alice.resume(content);
    assert.equal(offset, 2 * PART_SIZE, "the fifth chunk is half a part");
    assert.deepEqual(digest, digestOfFirst(content, offset));
    await alice.send(tag, content, 4, 5, 6, 7);
    await alice.end(tag, content);
    using client = await fixture.client("Alice");
    assert.ok(areEqual(await got(client, "a"), content));
    assert.deepEqual(blobs.counts, { blobs: 1, uploads: 0 });
  });
}

test("less than a part is not kept", async ({ fixture, blobs }) => {
  {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content);
    await alice.send(tag, content, 0);
  }
  using alice = await Uploader.login(fixture, "Alice");
  const { tag, offset } = await alice.resume(content);
  assert.equal(offset, 0);
  await alice.cancel(tag);
  await alice.settle();
  assert.deepEqual(blobs.counts, { blobs: 0, uploads: 0 });
});

test("chunks must come in order, and no connection can join", async ({ fixture, blobs }) => {
  using alice = await Uploader.login(fixture, "Alice");
  const { transfer, tag } = await alice.resume(content);
  using other = await Uploader.login(fixture, "Alice");
  await assert.rejects(other.join(transfer), { code: "no-such-transfer" });
  await alice.send(tag, content, 0, 2);
  assert.equal(await alice.ended(), "bad-frame");
  await other.settle();
  using again = await Uploader.login(fixture, "Alice");
  const { tag: next } = await again.resume(content);
  await again.cancel(next);
  await again.settle();
  assert.deepEqual(blobs.counts, { blobs: 0, uploads: 0 });
});

test("our client sends a large file over one connection if no other can join", async ({ fixture }) => {
  const large = pseudoRandomBytes(40 * CHUNK_SIZE + 1);
  const file = await fixture.folder.write("large", large);
  const connect = await fixture.options("Alice");
  const outcomes = await putAll({
    connect,
    paths: [file],
    transfer: { parallel: 3, retries: 0 },
  });
  assert.deepEqual(outcomes.map(({ state }) => state), ["stored"]);
  using client = await fixture.client("Alice");
  assert.ok(areEqual(await got(client, "large"), large));
});

test("files arrive over protocol 3, and get their verdicts", async ({ fixture, blobs, restart }) => {
  const bytes: Bytes = content.slice(0, 3 * CHUNK_SIZE + 5);
  {
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Carol");
    await peer.sendFile("good", bytes);
    assert.equal(kindOf(await peer.judge("crcValid", "good")), "messageReceived");
    await peer.sendFile("bad", bytes);
    assert.equal(kindOf(await peer.judge("crcInvalid", "bad")), "messageReceived");
  }
  assert.deepEqual(blobs.counts, { blobs: 1, uploads: 0 });
  await restart();
  assert.deepEqual(blobs.counts, { blobs: 1, uploads: 0 });
  const [id = blobId("none")] = await Array.fromAsync(blobs.list());
  const [piece] = await Array.fromAsync(blobs.read(id, { pieceSize: bytes.length }));
  assert.ok(piece !== undefined && areEqual(piece, bytes));
});

test("files missing in the store are found at the start", async ({ fixture, blobs, restart }) => {
  using first = await fixture.client("Alice");
  await put(first, [{ file: await fixture.source("a", content), name: "a" }]);
  for await (const id of blobs.list()) await blobs.delete(id);
  first[Symbol.dispose]();
  await using log = await ServerLog.take();
  await restart();
  const [missing] = await log.awaits("store.missing");
  assert.equal(missing?.["file"], "a");
  using client = await fixture.client("Alice");
  await assert.rejects(got(client, "a"), { code: "damaged" });
  assert.deepEqual(
    [...Deno.readDirSync(join(fixture.data))].filter(({ name }) =>
      ["files", "staging"].includes(name)
    ),
    [],
  );
});
