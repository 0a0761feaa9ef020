/** What every blob store must do; each implementation is run through the same suite. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { concatBytes } from "../../../protocol/bytes.ts";
import type { BlobStore } from "../../../server/blobs/blob_store.ts";
import { DiskBlobStore } from "../../../server/blobs/disk/disk_blob_store.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const owner = pseudoRandomBytes(16);
const content = pseudoRandomBytes(600_000);

const IMPLEMENTATIONS: Record<string, (folder: TemporaryFolder) => Promise<BlobStore>> = {
  DiskBlobStore: (folder) => DiskBlobStore.create(folder.path, Deno),
};

async function readAll(blobs: BlobStore, path: string) {
  const pieces = [];
  for await (const piece of blobs.read(path)) pieces.push(piece.slice());
  return concatBytes(...pieces);
}

for (const [implementation, open] of Object.entries(IMPLEMENTATIONS)) {
  const test = (what: string, body: (blobs: BlobStore, folder: TemporaryFolder) => Promise<void>) =>
    Deno.test(`${implementation}: ${what}`, async () => {
      await using folder = await TemporaryFolder.create();
      await body(await open(folder), folder);
    });

  test("a blob is there whole once it is committed, and not before", async (blobs) => {
    const path = blobs.newPath(owner);
    const blob = await blobs.stage();
    await blob.write(content.subarray(0, 1000));
    await blob.write(content.subarray(1000));
    await assert.rejects(readAll(blobs, path), Deno.errors.NotFound);
    await blob.commit(path);
    assert.deepEqual(await readAll(blobs, path), content);
    await blob.discard();
    assert.deepEqual(
      await readAll(blobs, path),
      content,
      "discarding after the commit does nothing",
    );
  });

  test("an owner's folder that was removed is made again", async (blobs, folder) => {
    const first = blobs.newPath(owner);
    await (await blobs.stage()).commit(first);
    await Deno.remove(dirname(folder.join(first)), { recursive: true });
    const blob = await blobs.stage();
    await blob.write(content);
    const path = blobs.newPath(owner);
    await blob.commit(path);
    assert.deepEqual(await readAll(blobs, path), content);
  });

  test("a long blob, of which the disk takes some before its end, is there whole", async (blobs) => {
    const blob = await blobs.stage();
    const piece = pseudoRandomBytes(2 ** 20);
    for (let i = 0; i < 150; i++) await blob.write(piece);
    const path = blobs.newPath(owner);
    await blob.commit(path);
    let size = 0;
    for await (const read of blobs.read(path)) {
      for (let at = 0; at < read.length; at += 4096) {
        assert.equal(read[at], piece[(size + at) % piece.length]);
      }
      size += read.length;
    }
    assert.equal(size, 150 * 2 ** 20);
  });

  test("a discarded blob leaves nothing for a sweep", async (blobs) => {
    const blob = await blobs.stage();
    await blob.write(content);
    await blob.discard();
    await blob.discard();
    assert.equal(await blobs.sweep(), 0);
  });

  test("a blob that is discarded takes no more bytes from that moment on", async (blobs) => {
    const blob = await blobs.stage();
    const discarded = blob.discard();
    await assert.rejects(blob.writeAt(0, content));
    await assert.rejects(blob.write(content));
    await discarded;
    assert.equal(await blobs.sweep(), 0);
  });

  test("what was to be written before a blob is discarded makes no file after it", async (blobs) => {
    const blob = await blobs.stage();
    const written = [blob.writeAt(0, content), blob.writeAt(content.length, content)];
    await blob.discard();
    await Promise.allSettled(written);
    assert.equal(await blobs.sweep(), 0);
  });

  test("a blob that is sealed takes no more bytes, and can be committed", async (blobs) => {
    const blob = await blobs.stage();
    await blob.write(content);
    const sealed = blob.seal();
    await assert.rejects(blob.write(content));
    await sealed;
    const path = blobs.newPath(owner);
    await blob.commit(path);
    assert.deepEqual(await readAll(blobs, path), content);
  });

  test("a sweep removes what is staged, and keeps what is committed", async (blobs) => {
    const path = blobs.newPath(owner);
    const kept = await blobs.stage();
    await kept.commit(path);
    const abandoned = await blobs.stage();
    await abandoned.write(content);
    assert.equal(await blobs.sweep(), 1);
    assert.equal((await readAll(blobs, path)).length, 0);
    await abandoned.discard();
  });

  test("a removed blob is gone; removing it again is fine", async (blobs) => {
    const path = blobs.newPath(owner);
    await (await blobs.stage()).commit(path);
    await blobs.remove(path);
    await blobs.remove(path);
    await assert.rejects(readAll(blobs, path), Deno.errors.NotFound);
  });

  test("no two paths are the same", (blobs) => {
    const paths = new Set(Array.from({ length: 1000 }, () => blobs.newPath(owner)));
    assert.equal(paths.size, 1000);
    return Promise.resolve();
  });
}

Deno.test({
  name: "DiskBlobStore: folders are their owner's alone, and no file can be executed",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.create();
    const blobs = await DiskBlobStore.create(folder.path, Deno);
    const path = blobs.newPath(owner);
    await (await blobs.stage()).commit(path);
    const mode = (name: string) => (Deno.statSync(folder.join(name)).mode ?? 0) & 0o777;
    assert.deepEqual(["staging", "files", `${path}/..`, path].map(mode), [
      0o700,
      0o700,
      0o700,
      0o600,
    ]);
  },
});
