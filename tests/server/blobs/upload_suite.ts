/** The contract of a blob store about uploads that are not finished. */
import assert from "node:assert/strict";
import { concatBytes } from "../../../protocol/bytes.ts";
import { BlobNotFound, type UploadId } from "../../../server/blobs/blob_store.ts";
import {
  content,
  listed,
  owner,
  readAll,
  stored,
  type SuiteTest,
  writeFrom,
} from "./blob_backend.ts";

const none = () => Promise.resolve(false);

/** Registers the suite's tests of uploads. */
export function uploadTests(test: SuiteTest): void {
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
}
