/** The disk store: the suite, and tests of its files and folders. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type BlobId, BlobNotFound, hasQuarantine } from "../../../server/blobs/blob_store.ts";
import { DiskBlobStore } from "../../../server/blobs/disk/disk_blob_store.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { content, owner, readAll, readWhileDeleted, stored } from "./blob_backend.ts";
import { blobStoreSuite } from "./suite.ts";

blobStoreSuite("DiskBlobStore", (folder) => ({
  open: () => DiskBlobStore.create(folder.path, Deno),
}));

function test(
  what: string,
  body: (blobs: DiskBlobStore, folder: TemporaryFolder) => Promise<void>,
  ignore = false,
) {
  Deno.test({
    name: `DiskBlobStore: ${what}`,
    ignore,
    async fn() {
      await using folder = await TemporaryFolder.create();
      await body(await DiskBlobStore.create(folder.path, Deno), folder);
    },
  });
}

test("an owner's folder that was removed is created again", async (blobs, folder) => {
  const first = await stored(blobs);
  await Deno.remove(dirname(folder.join(first)), { recursive: true });
  assert.deepEqual(await readAll(blobs, await stored(blobs)), content);
});

test("a blob that is deleted while it is read is read to its end", async (blobs) => {
  assert.deepEqual(await readWhileDeleted(blobs, await stored(blobs)), content);
});

test("a long blob, which is synced now and then before its end, is whole", async (blobs) => {
  const writer = await blobs.create({ owner });
  const piece = pseudoRandomBytes(2 ** 20);
  for (let i = 0; i < 150; i++) await writer.write(i * piece.length, piece);
  await writer.finish();
  let size = 0;
  for await (const read of blobs.read(writer.blobId)) {
    for (let at = 0; at < read.length; at += 4096) {
      assert.equal(read[at], piece[(size + at) % piece.length]);
    }
    size += read.length;
  }
  assert.equal(size, 150 * 2 ** 20);
});

test(
  "something else in the place of a blob is listed, and can be quarantined",
  async (blobs, folder) => {
    assert.ok(hasQuarantine(blobs));
    const id = await stored(blobs);
    const [ownerFolder, odd, folderId] = [
      dirname(id),
      "files/odd" as BlobId,
      `${dirname(id)}/folder` as BlobId,
    ];
    await Deno.mkdir(folder.join(odd));
    await Deno.mkdir(folder.join(folderId));
    const listed = await Array.fromAsync(blobs.list());
    assert.deepEqual(listed.sort(), [id, folderId, odd].sort());
    for (const place of [odd, folderId]) {
      assert.equal(await blobs.stat(place), undefined);
      assert.equal(await blobs.isOccupied(place), true);
      await assert.rejects(readAll(blobs, place), BlobNotFound);
    }
    assert.equal(await blobs.isOccupied(`${ownerFolder}/none` as BlobId), false);
    for (const each of [id, odd, folderId]) {
      const place = blobs.newQuarantinePlace();
      await blobs.quarantine(each, place);
      await blobs.quarantine(each, place);
      assert.equal(await blobs.isOccupied(each), false);
      assert.ok(await Deno.lstat(folder.join(place)));
    }
    assert.deepEqual(await Array.fromAsync(blobs.list()), []);
  },
);

/** Two processes that share a folder. */
async function sharing(folder: TemporaryFolder) {
  const open = () => DiskBlobStore.create(folder.path, Deno, { isShared: true });
  return [await open(), await open()] as const;
}

test(
  "shared: an upload that a paused process still has open is not continued by another",
  async (_, folder) => {
    const [paused, other] = await sharing(folder);
    const writer = await paused.create({ owner });
    await writer.write(0, content);
    await writer.checkpoint(content.length);
    const reopening = () => other.reopen(writer.uploadId, { owner, offset: 100_000 });
    await assert.rejects(reopening(), BlobNotFound);
    // It wakes, and still has all it has written.
    await writer.suspend(content.length);
    const next = await reopening();
    await assert.rejects(paused.reopen(writer.uploadId, { owner, offset: 0 }), BlobNotFound);
    await next.write(100_000, content.subarray(100_000));
    await next.finish();
    assert.deepEqual(await readAll(other, next.blobId), content);
  },
);

test("shared: an upload stays locked until it has become a blob, or is gone", async (_, folder) => {
  const [one, other] = await sharing(folder);
  for (const end of ["finish", "abort"] as const) {
    const writer = await one.create({ owner });
    await writer.write(0, content);
    await writer.close();
    const reopening = () => other.reopen(writer.uploadId, { owner, offset: 0 });
    await assert.rejects(reopening(), /another process/);
    await writer[end]();
    await assert.rejects(reopening(), /fewer than/);
    if (end === "finish") assert.deepEqual(await readAll(other, writer.blobId), content);
  }
});

test(
  "folders are accessible to their owner only, and no file is executable",
  async (blobs, folder) => {
    const id = await stored(blobs);
    const mode = (name: string) => (Deno.statSync(folder.join(name)).mode ?? 0) & 0o777;
    assert.deepEqual(
      ["staging", "files", `${id}/..`, id].map(mode),
      [0o700, 0o700, 0o700, 0o600],
    );
  },
  Deno.build.os === "windows",
);
