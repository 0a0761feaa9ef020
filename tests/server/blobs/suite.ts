/** The contract of a blob store. Each implementation runs this suite in a test file of its own. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import {
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobWriter,
  canCopy,
  type UploadId,
} from "../../../server/blobs/blob_store.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

export const owner = pseudoRandomBytes(16);
export const content = pseudoRandomBytes(600_000);

/** A place for blobs, shared by all processes that open it. Disposed of after each test if that is needed. */
export interface BlobBackend extends Partial<AsyncDisposable> {
  open(): Promise<BlobStore>;
}

export async function readAll(
  blobs: BlobStore,
  id: BlobId,
  options?: Parameters<BlobStore["read"]>[1],
): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of blobs.read(id, options)) pieces.push(piece.slice());
  return concatBytes(...pieces);
}

/** Reads a blob, and deletes it after the first piece. Returns the bytes that were read. */
export async function readWhileDeleted(blobs: BlobStore, id: BlobId): Promise<Bytes> {
  const read: Bytes[] = [];
  try {
    for await (const piece of blobs.read(id, { pieceSize: 100_000 })) {
      if (read.length === 0) await blobs.delete(id);
      read.push(piece.slice());
    }
  } catch (error) {
    if (!(error instanceof BlobNotFound)) throw error;
  }
  return concatBytes(...read);
}

/** A finished blob. */
export async function stored(blobs: BlobStore, bytes: Bytes = content): Promise<BlobId> {
  const writer = await blobs.create({ owner, size: bytes.length });
  await writer.write(0, bytes);
  await writer.finish();
  return writer.blobId;
}

/** Writes bytes in pieces, from an offset on. */
async function writeFrom(writer: BlobWriter, offset: number, bytes: Bytes, size = 70_001) {
  for (let at = offset; at < bytes.length; at += size) {
    await writer.write(at, bytes.subarray(at, at + size));
  }
}

async function listed(blobs: BlobStore): Promise<string[]> {
  return (await Array.fromAsync(blobs.list())).sort();
}

const none = () => Promise.resolve(false);

/** Registers the suite's tests for an implementation. */
export function blobStoreSuite(
  implementation: string,
  backendIn: (folder: TemporaryFolder) => BlobBackend,
  { ignore = false }: { readonly ignore?: boolean } = {},
): void {
  const test = (what: string, body: (blobs: BlobStore, backend: BlobBackend) => Promise<void>) =>
    Deno.test({ name: `${implementation}: ${what}`, ignore }, async () => {
      await using folder = await TemporaryFolder.create();
      const backend = backendIn(folder);
      try {
        await body(await backend.open(), backend);
      } finally {
        await backend[Symbol.asyncDispose]?.();
      }
    });

  test("a blob is readable when it is finished, and not before", async (blobs, backend) => {
    const writer = await blobs.create({ owner, size: content.length });
    const { blobId } = writer;
    await writeFrom(writer, 0, content);
    await writer.close();
    await assert.rejects(readAll(blobs, blobId), BlobNotFound);
    assert.equal(await blobs.stat(blobId), undefined);
    assert.deepEqual(await listed(blobs), []);
    await writer.finish();
    assert.deepEqual(await readAll(blobs, blobId), content);
    assert.deepEqual(await blobs.stat(blobId), { size: content.length });
    assert.deepEqual(await listed(blobs), [blobId]);
    assert.deepEqual(await readAll(await backend.open(), blobId), content);
    assert.equal(await blobs.stat(writer.uploadId), undefined);
  });

  test("an empty blob", async (blobs) => {
    const writer = await blobs.create({ owner, size: 0 });
    await writer.finish();
    assert.equal((await readAll(blobs, writer.blobId)).length, 0);
    assert.deepEqual(await blobs.stat(writer.blobId), { size: 0 });
    assert.equal((await readAll(blobs, await stored(blobs, content.slice(0, 0)))).length, 0);
  });

  test("ids of uploads and of blobs are unique", async (blobs) => {
    const writers = await Promise.all(
      Array.from({ length: 200 }, () => blobs.create({ owner })),
    );
    assert.equal(new Set(writers.flatMap(({ blobId, uploadId }) => [blobId, uploadId])).size, 400);
    await Promise.all(writers.map((writer) => writer.abort()));
  });

  test("the caller may change bytes after a write; overlapping writes are done in order", async (blobs) => {
    const writer = await blobs.create({ owner });
    const buffer = new Uint8Array(1000);
    for (let at = 0; at < 10_000; at += 1000) {
      buffer.set(content.subarray(at, at + 1000));
      await writer.write(at, buffer);
    }
    const writes = [];
    for (let at = 10_000; at < 100_000; at += 1000) {
      writes.push(writer.write(at, content.subarray(at, at + 1000)));
    }
    await Promise.all(writes);
    await writer.finish();
    assert.deepEqual(await readAll(blobs, writer.blobId), content.slice(0, 100_000));
  });

  test("bytes are written in any order, or refused if the store needs them in order", async (blobs) => {
    const writer = await blobs.create({ owner, size: 3000 });
    if (!blobs.randomAccess) {
      await assert.rejects(writer.write(1000, content.subarray(1000, 2000)));
      await writer.abort();
      return;
    }
    for (const at of [2000, 0, 1000]) await writer.write(at, content.subarray(at, at + 1000));
    await writer.finish();
    assert.deepEqual(await readAll(blobs, writer.blobId), content.slice(0, 3000));
  });

  test("a blob is read from any offset, in whole pieces", async (blobs) => {
    const bytes = content.slice(0, 3000);
    const id = await stored(blobs, bytes);
    for (const from of [0, 1, 999, 1000, 1001, 2999, 3000, 4000]) {
      for (const pieceSize of [1, 999, 1000, 1001, 3000, 3001]) {
        const sizes: number[] = [];
        for await (const { length } of blobs.read(id, { from, pieceSize })) sizes.push(length);
        assert.ok(sizes.slice(0, -1).every((size) => size === pieceSize));
        assert.ok(sizes.every((size) => size > 0));
        assert.deepEqual(await readAll(blobs, id, { from, pieceSize }), bytes.slice(from));
      }
    }
  });

  test("a blob that is deleted while it is read is read to its end, or is missing", async (blobs) => {
    const id = await stored(blobs);
    const read = await readWhileDeleted(blobs, id);
    assert.deepEqual(read, content.slice(0, read.length));
    await assert.rejects(readAll(blobs, id), BlobNotFound);
  });

  test("missing blobs and uploads: BlobNotFound, undefined, or no effect", async (blobs) => {
    const aborted = await blobs.create({ owner });
    await aborted.write(0, content);
    await aborted.abort();
    const deleted = await stored(blobs);
    await blobs.delete(deleted);
    await blobs.delete(deleted);
    const foreign = ["", "no-such-id", "../secret", "/etc/passwd", "files", "files/..", "a\0b"];
    for (const id of [aborted.blobId, deleted, ...foreign as BlobId[]]) {
      await assert.rejects(readAll(blobs, id), BlobNotFound);
      assert.equal(await blobs.stat(id), undefined);
      await blobs.delete(id);
    }
    for (const id of [aborted.uploadId, ...foreign as UploadId[]]) {
      await assert.rejects(blobs.reopen(id, { owner, offset: 0 }), BlobNotFound);
      assert.equal(await blobs.stat(id), undefined);
      await blobs.delete(id);
    }
    assert.deepEqual(await listed(blobs), []);
  });

  test("the list contains all finished blobs and no uploads", async (blobs) => {
    const others = pseudoRandomBytes(16, 2);
    const ids: string[] = [await stored(blobs), await stored(blobs)];
    const writer = await blobs.create({ owner: others });
    await writer.write(0, content);
    await writer.finish();
    const open = await blobs.create({ owner });
    await open.write(0, content);
    assert.deepEqual(await listed(blobs), [...ids, writer.blobId].sort());
    await open.abort();
  });

  test("a closed upload accepts no more bytes, and can be finished", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    const closed = writer.close();
    await assert.rejects(writer.write(content.length, content));
    await Promise.all([closed, writer.close()]);
    await writer.finish();
    assert.deepEqual(await readAll(blobs, writer.blobId), content);
  });

  test("a finished upload accepts no more bytes; aborting it has no effect", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    await writer.finish();
    await assert.rejects(writer.write(content.length, content));
    await assert.rejects(writer.finish());
    await writer.abort();
    assert.deepEqual(await readAll(blobs, writer.blobId), content);
    await assert.rejects(blobs.reopen(writer.uploadId, { owner, offset: 0 }), BlobNotFound);
  });

  test("an aborted upload leaves nothing", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    await writer.abort();
    await writer.abort();
    await assert.rejects(writer.finish());
    assert.equal(await blobs.sweepUploads(none), 0);
    assert.deepEqual(await listed(blobs), []);
  });

  test("an upload accepts no bytes from the moment it is aborted", async (blobs) => {
    const writer = await blobs.create({ owner });
    const aborted = writer.abort();
    await assert.rejects(writer.write(0, content));
    await aborted;
    assert.equal(await blobs.sweepUploads(none), 0);
  });

  test("writes pending when an upload is aborted create nothing afterwards", async (blobs) => {
    const writer = await blobs.create({ owner });
    const written = [writer.write(0, content), writer.write(content.length, content)];
    const pending = Promise.allSettled([...written, writer.checkpoint(0)]);
    await writer.abort();
    await pending;
    assert.equal(await blobs.sweepUploads(none), 0);
  });

  test("an upload aborted while it is finished is a whole blob or none", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    const [finished] = await Promise.allSettled([writer.finish(), writer.abort()]);
    assert.equal(await blobs.stat(writer.uploadId), undefined);
    if (finished.status === "fulfilled") {
      assert.deepEqual(await readAll(blobs, writer.blobId), content);
    } else await assert.rejects(readAll(blobs, writer.blobId), BlobNotFound);
  });

  test("bytes before a checkpoint survive the process", async (blobs, backend) => {
    const half = content.length / 2;
    const writer = await blobs.create({ owner, size: content.length });
    await writeFrom(writer, 0, content.subarray(0, half));
    const offset = await writer.checkpoint(half);
    assert.ok(offset > 0 && offset <= half, `${offset} of ${half} bytes`);
    // Bytes after the checkpoint may be lost. Either way they do not count.
    await writer.write(half, content.subarray(0, 1000));
    const later = await backend.open();
    const { uploadId } = writer;
    assert.ok((await later.stat(uploadId) ?? { size: 0 }).size >= offset);
    assert.equal(await later.sweepUploads((id) => Promise.resolve(id === uploadId)), 0);
    const again = await later.reopen(uploadId, { owner, offset });
    assert.equal(again.uploadId, uploadId);
    await writeFrom(again, offset, content);
    await again.finish();
    assert.deepEqual(await readAll(later, again.blobId), content);
  });

  test("an upload can be written during a checkpoint", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content.subarray(0, 200_000));
    const checkpoints = [writer.checkpoint(200_000)];
    await writer.write(200_000, content.subarray(200_000, 400_000));
    checkpoints.push(writer.checkpoint(400_000), writer.checkpoint(400_000));
    await writer.write(400_000, content.subarray(400_000));
    const [first, ...others] = await Promise.all(checkpoints);
    assert.ok((first as number) <= 200_000);
    assert.ok(others.every((offset) => offset <= 400_000));
    await writer.finish();
    assert.deepEqual(await readAll(blobs, writer.blobId), content);
  });

  test("an upload can be continued at the offset of an earlier checkpoint", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writeFrom(writer, 0, content.subarray(0, 300_000));
    const offset = await writer.checkpoint(200_000);
    await writeFrom(writer, 300_000, content);
    assert.ok(await writer.suspend(content.length) > offset);
    const again = await blobs.reopen(writer.uploadId, { owner, offset });
    await again.write(offset, new Uint8Array(1000));
    await again.finish();
    const expected = concatBytes(content.slice(0, offset), new Uint8Array(1000));
    assert.deepEqual(await readAll(blobs, again.blobId), expected);
  });

  test("a suspended upload can be resumed repeatedly", async (blobs, backend) => {
    let writer = await blobs.create({ owner, size: content.length });
    const { uploadId } = writer;
    let store = blobs;
    let offset = 0;
    for (const end of [150_000, 290_000, 450_000, 450_000]) {
      await writeFrom(writer, offset, content.subarray(0, end));
      offset = await writer.suspend(end);
      assert.ok(offset <= end && offset > 0);
      await assert.rejects(writer.write(offset, content));
      store = await backend.open();
      assert.deepEqual(await store.stat(uploadId), { size: offset });
      writer = await store.reopen(uploadId, { owner, offset });
    }
    await writeFrom(writer, offset, content);
    await writer.finish();
    assert.deepEqual(await readAll(store, writer.blobId), content);
  });

  test("a closed upload is suspended as a whole", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    await writer.close();
    assert.equal(await writer.suspend(content.length), content.length);
    const again = await blobs.reopen(writer.uploadId, { owner, offset: content.length });
    await again.finish();
    assert.deepEqual(await readAll(blobs, again.blobId), content);
  });

  test("an upload shorter than the offset is not reopened", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    const offset = await writer.suspend(content.length);
    await assert.rejects(
      blobs.reopen(writer.uploadId, { owner, offset: content.length + 1 }),
      BlobNotFound,
    );
    await (await blobs.reopen(writer.uploadId, { owner, offset })).abort();
    assert.equal(await blobs.stat(writer.uploadId), undefined);
  });

  test("a suspended upload can be deleted", async (blobs) => {
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    await writer.suspend(content.length);
    await blobs.delete(writer.uploadId);
    await assert.rejects(blobs.reopen(writer.uploadId, { owner, offset: 0 }), BlobNotFound);
    assert.equal(await blobs.sweepUploads(none), 0);
  });

  test("a sweep deletes uploads that are not kept, and no blobs", async (blobs, backend) => {
    const id = await stored(blobs);
    const [kept, dropped] = await Promise.all([1, 2].map(async () => {
      const writer = await blobs.create({ owner });
      await writer.write(0, content);
      await writer.suspend(content.length);
      return writer.uploadId;
    }));
    const later = await backend.open();
    const seen: UploadId[] = [];
    const keep = (upload: UploadId) => {
      seen.push(upload);
      return Promise.resolve(upload === kept);
    };
    assert.equal(await later.sweepUploads(keep), 1);
    assert.deepEqual(seen.sort(), [kept, dropped].sort());
    assert.notEqual(await later.stat(kept as UploadId), undefined);
    assert.equal(await later.stat(dropped as UploadId), undefined);
    assert.deepEqual(await readAll(later, id), content);
  });

  test("a copy of a blob has an id that follows from the blob's, and can be made again", async (blobs) => {
    if (!canCopy(blobs)) return;
    const random = "0123456789abcdef".repeat(2);
    const originals = [`blobs/${random}`, `files/${"f".repeat(32)}/${random}`] as BlobId[];
    for (const id of originals) {
      const copy = blobs.copyId({ id, accountId: owner });
      assert.ok(copy !== undefined && copy.endsWith(random));
      assert.equal(blobs.copyId({ id: copy, accountId: owner }), copy);
      for (const bytes of [content.subarray(1), content]) {
        const writer = await blobs.createCopy(copy, bytes.length);
        assert.equal(writer.blobId, copy);
        await writeFrom(writer, 0, bytes);
        await writer.finish();
        assert.deepEqual(await readAll(blobs, copy), bytes);
      }
    }
    const foreign = ["../outside", `staging/${random}`, `blobs/../${random}`, "catalog/1", random];
    for (const id of foreign as BlobId[]) {
      assert.equal(blobs.copyId({ id, accountId: owner }), undefined, id);
    }
  });

  test("many uploads of one owner can be finished in parallel", async (blobs) => {
    const ids = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
      const bytes = content.slice(i * 1000, i * 1000 + 5000);
      return [await stored(blobs, bytes), bytes] as const;
    }));
    const doomed = ids.slice(0, 10).map(([id]) => blobs.delete(id));
    await Promise.all([...doomed, stored(blobs)]);
    for (const [id, bytes] of ids.slice(10)) assert.deepEqual(await readAll(blobs, id), bytes);
    assert.equal((await listed(blobs)).length, 11);
  });
}
