/** The contract of a blob store. Each implementation runs this suite in a test file of its own. */
import assert from "node:assert/strict";
import {
  type BlobId,
  BlobNotFound,
  canCopy,
  type UploadId,
} from "../../../server/blobs/blob_store.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import {
  type BlobBackend,
  content,
  listed,
  owner,
  readAll,
  readWhileDeleted,
  stored,
  type SuiteTest,
  writeFrom,
} from "./blob_backend.ts";
import { uploadTests } from "./upload_suite.ts";

/** Registers the suite's tests for an implementation. */
export function blobStoreSuite(
  implementation: string,
  backendIn: (folder: TemporaryFolder) => BlobBackend,
  { ignore = false }: { readonly ignore?: boolean } = {},
): void {
  const test: SuiteTest = (what, body) =>
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

  uploadTests(test);

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
