/** The requests and the memory that the store of a bucket needs. */
import assert from "node:assert/strict";
import { ConfigurationError } from "../../../protocol/errors.ts";
import type { BlobId } from "../../../server/blobs/blob_store.ts";
import { PartMemory } from "../../../server/blobs/s3/part_memory.ts";
import { MAX_PARTS, mostBytes, PART_SIZE, partSize } from "../../../server/blobs/s3/part_sizes.ts";
import { MOST_REQUESTS } from "../../../server/blobs/s3/s3_client.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { Authority } from "../../support/tls/certificate_authority.ts";
import { PART, type S3Scene, withS3 } from "./s3_scene.ts";
import { content, owner, readAll, stored } from "./blob_backend.ts";

const MIB = 1024 * 1024;
const test = (what: string, work: (scene: S3Scene) => Promise<void>) =>
  Deno.test(`S3BlobStore: ${what}`, () => withS3(work));

test("a file of at most one part is one PUT, and one GET", async ({ s3, open }) => {
  const blobs = await open();
  for (const size of [0, 1, PART]) {
    const bytes = content.slice(0, size);
    s3.calls.length = 0;
    const id = await stored(blobs, bytes);
    assert.deepEqual(s3.calls, ["PutObject"]);
    assert.deepEqual(await readAll(blobs, id), bytes);
    assert.deepEqual(s3.calls, ["PutObject", "GetObject"]);
  }
});

test("a larger file is one request for each part, and two more", async ({ s3, open }) => {
  const blobs = await open();
  await stored(blobs, content.subarray(0, 4 * PART + 1));
  const parts = Array.from({ length: 5 }, () => "UploadPart");
  assert.deepEqual(s3.calls, ["CreateMultipartUpload", ...parts, "CompleteMultipartUpload"]);
});

test("a file that is larger or smaller than expected is whole", async ({ s3, open }) => {
  const blobs = await open();
  for (
    const [expected, size] of [[10, 20], [10, 3 * PART], [PART, PART + 1], [200_000, 10], [0, 1], [
      200_000,
      0,
    ]]
  ) {
    const writer = await blobs.create({
      owner,
      ...(expected === undefined ? {} : { size: expected }),
    });
    const bytes = content.slice(0, size);
    for (let at = 0; at < bytes.length; at += 7000) {
      await writer.write(at, bytes.subarray(at, at + 7000));
    }
    await writer.finish();
    assert.deepEqual(await readAll(blobs, writer.blobId), bytes);
  }
  assert.equal(s3.uploads.size, 0);
  assert.equal(blobs.bytesInMemory, 0);
});

test("no more than the wanted range is requested", async ({ s3, open }) => {
  const blobs = await open({ sizes: { range: 100_000 } });
  const id = await stored(blobs);
  s3.calls.length = 0;
  const pieces = blobs.read(id, { from: 1000, to: 101_000, pieceSize: 50_000 });
  for (const at of [1000, 51_000]) {
    assert.deepEqual((await pieces.next()).value, content.slice(at, at + 50_000));
  }
  await pieces.return();
  assert.deepEqual(s3.calls, ["GetObject"]);
  assert.deepEqual(await readAll(blobs, id, { from: 1000, to: 2000 }), content.slice(1000));
});

test("uploads in parallel take no more memory than they may", async ({ open }) => {
  const memory = 4 * PART;
  const blobs = await open({ sizes: { part: PART, minPart: 10_000, memory } });
  let most = 0;
  const ids = await Promise.all(Array.from({ length: 12 }, async () => {
    const writer = await blobs.create({ owner });
    for (let at = 0; at < 200_000; at += 10_000) {
      await writer.write(at, content.subarray(at, at + 10_000));
      most = Math.max(most, blobs.bytesInMemory);
    }
    await writer.finish();
    return writer.blobId;
  }));
  assert.ok(most > 0 && most <= memory, `${most} bytes`);
  assert.equal(blobs.bytesInMemory, 0);
  for (const id of ids) assert.deepEqual(await readAll(blobs, id), content.slice(0, 200_000));
});

test("requests in progress have a limit", async ({ s3, open }) => {
  const blobs = await open();
  const { promise, resolve } = Promise.withResolvers<void>();
  s3.gate = promise;
  const uploads = Array.from({ length: 3 * MOST_REQUESTS }, () => stored(blobs, new Uint8Array(1)));
  const turn = () => new Promise((next) => setTimeout(next, 1));
  while (s3.calls.length < MOST_REQUESTS) await turn();
  for (let i = 0; i < 50; i++) await turn(); // others would arrive now
  resolve();
  assert.equal(new Set(await Promise.all(uploads)).size, 3 * MOST_REQUESTS);
  assert.equal(s3.mostAtOnce, MOST_REQUESTS);
});

test("an upload that waits for memory can be aborted", async ({ s3, open }) => {
  const blobs = await open({ sizes: { part: PART, memory: PART } });
  const holder = await blobs.create({ owner });
  await holder.write(0, content.subarray(0, 10));
  const waiting = await blobs.create({ owner });
  const written = waiting.write(0, content.subarray(0, 10));
  const rejected = assert.rejects(written);
  await waiting.abort();
  await rejected;
  await holder.finish();
  assert.deepEqual(await readAll(blobs, holder.blobId), content.slice(0, 10));
  assert.equal(s3.uploads.size, 0);
  assert.equal(blobs.bytesInMemory, 0);
});

test("small closed files wait in memory up to a limit, then in the store", async ({ s3, open }) => {
  const blobs = await open({ sizes: { part: PART, minPart: 10_000, memory: 4 * PART } });
  const bytes = content.slice(0, 20_000);
  const writers = [];
  for (let i = 0; i < 6; i++) {
    const writer = await blobs.create({ owner, size: bytes.length });
    await writer.write(0, bytes);
    await writer.close();
    writers.push(writer);
  }
  assert.equal(s3.uploads.size, 4);
  assert.equal(blobs.bytesInMemory, 2 * bytes.length);
  assert.equal(s3.objects.size, 0);
  for (const writer of writers.slice(1)) await writer.finish();
  await writers[0]?.abort();
  assert.equal(s3.objects.size, 5);
  assert.equal(s3.uploads.size, 0);
  assert.equal(blobs.bytesInMemory, 0);
});

test("foreign objects are listed by page, and nothing is done with them", async ({ s3, open }) => {
  const blobs = await open();
  const names = Array.from({ length: 20 }, (_, i) => `blobs/a file & <more>%20+${i}\u{1f600}`);
  const object = { bytes: content, etag: '"1"' };
  for (const name of names) s3.objects.set(`xfer/${name}`, object);
  for (const name of ["xfer/other", "blobs/other"]) s3.objects.set(name, object);
  assert.deepEqual((await Array.fromAsync(blobs.list())).sort(), [...names].sort());
  assert.equal(s3.count("ListObjectsV2"), 3);
  const [foreign] = names as [BlobId];
  assert.equal(await blobs.stat(foreign), undefined);
  await blobs.delete(foreign);
  assert.equal(s3.objects.size, 22);
});

test("a sweep finds uploads on all pages, and no foreign ones", async ({ s3, open }) => {
  const blobs = await open();
  const ids = await Promise.all(Array.from({ length: 20 }, async () => {
    const writer = await blobs.create({ owner });
    await writer.suspend(0);
    return writer.uploadId;
  }));
  for (const key of ["xfer/blobs/foreign", "other/blobs/foreign"]) {
    s3.uploads.set(key, { key, parts: new Map() });
  }
  const kept = new Set(ids.slice(0, 5));
  assert.equal(await blobs.sweepUploads((id) => Promise.resolve(kept.has(id))), 15);
  assert.equal(s3.uploads.size, 7);
});

test("a sweep keeps a small upload that needed memory for its verdict, by its first id", async ({ s3, open }) => {
  const blobs = await open({ sizes: { part: PART, minPart: 10_000, memory: PART } });
  const small = content.slice(0, PART / 2);
  const writer = await blobs.create({ owner, size: small.length });
  await writer.write(0, small);
  await writer.close();
  assert.equal(s3.uploads.size, 1);
  const keep = (...ids: readonly unknown[]) => Promise.resolve(ids.includes(writer.uploadId));
  assert.equal(await blobs.sweepUploads(keep), 0);
  await writer.finish();
  assert.deepEqual(await readAll(blobs, writer.blobId), small);
});

test("new credentials are read when the store refuses the old ones", async ({ s3, open }) => {
  let reads = 0;
  const wrong = { ...s3.signer, secretAccessKey: "top-secret" };
  const readCredentials = () => Promise.resolve(reads++ === 0 ? wrong : s3.signer);
  const blobs = await open({ readCredentials });
  assert.deepEqual(await readAll(blobs, await stored(blobs)), content);
  assert.equal(reads, 2);
});

test("an unusable bucket is reported when the store is opened, without secrets", async ({ s3, open }) => {
  const secret = { ...s3.signer, secretAccessKey: "top-secret" };
  for (
    const [options, hint] of [
      [{ readCredentials: () => Promise.resolve(secret) }, /AWS_SECRET_ACCESS_KEY/],
      [{ region: "elsewhere" }, /--s3-region/],
      [{ bucketUrl: s3.bucketUrl().replace(/bucket$/, "none") }, /name in --blobs/],
      [
        { readCredentials: () => Promise.resolve({ ...secret, accessKeyId: "x" }) },
        /AWS_ACCESS_KEY_ID/,
      ],
    ] as const
  ) {
    await assert.rejects(open(options), (error) => {
      assert.ok(error instanceof ConfigurationError && error.code === "bucket-unusable");
      assert.match(error.hint ?? "", hint);
      assert.doesNotMatch(error.message + error.stack, /top-secret/);
      return true;
    });
  }
});

Deno.test("S3BlobStore: a store with its own authority is trusted if that is named", async () => {
  const authority = await Authority.create();
  const { certificate, key } = await authority.issue({ names: ["localhost"] });
  await withS3(async ({ s3, open }) => {
    const bucketUrl = s3.bucketUrl("localhost");
    using blobs = await open({ bucketUrl, caCerts: [authority.certificate] });
    assert.deepEqual(await readAll(blobs, await stored(blobs)), content);
    await assert.rejects(open({ bucketUrl }), { code: "object-store-certificate" });
  }, { tls: { cert: certificate, key } });
});

Deno.test("part sizes: 10,000 parts are enough for the largest file", () => {
  const filled = (expected?: number) => {
    let size = 0;
    for (let number = 1; number <= MAX_PARTS; number++) {
      const part = partSize(number, { base: PART_SIZE, expected });
      assert.ok(part % MIB === 0 && part <= 128 * MIB);
      size += part;
    }
    return size;
  };
  assert.equal(filled(), 2000 * (8 + 16 + 32 + 64 + 128) * MIB);
  for (const size of [1, 100 * 1024 * MIB, 400 * 1024 * MIB, mostBytes(PART_SIZE)]) {
    assert.ok(filled(size) >= size);
  }
  assert.equal(partSize(1, { base: PART_SIZE, expected: 78 * 1024 * MIB }), PART_SIZE);
  assert.equal(partSize(5000, { base: PART_SIZE, least: 128 * MIB }), 128 * MIB);
});

test("a file that is larger than the store can take is refused at its start", async ({ s3, open }) => {
  const blobs = await open({ sizes: {} });
  const size = mostBytes(PART_SIZE) + 1;
  await assert.rejects(blobs.create({ owner, size }), { code: "object-too-large" });
  assert.deepEqual(s3.calls, []);
});

Deno.test("part memory: uploads are served in order, and a large part when it is alone", async () => {
  const memory = new PartMemory(100);
  const { signal } = new AbortController();
  const done: number[] = [];
  await memory.take(60, signal);
  const leaving = new AbortController();
  const first = assert.rejects(memory.take(50, leaving.signal), /left/);
  const others = [200, 10].map((bytes) => memory.take(bytes, signal).then(() => done.push(bytes)));
  leaving.abort(new Error("left"));
  await first;
  assert.deepEqual(done, []);
  memory.give(60);
  await others[0];
  assert.deepEqual(done, [200]);
  memory.give(200);
  await others[1];
  assert.equal(memory.taken, 10);
});

Deno.test("S3BlobStore: parts of the real size, read by ranges of the real size", () =>
  withS3(async ({ s3, open }) => {
    const blobs = await open({ sizes: {} });
    const bytes = pseudoRandomBytes(2 * PART_SIZE + 5);
    const id = await stored(blobs, bytes);
    assert.equal(s3.count("UploadPart"), 3);
    let at = 0;
    for await (const piece of blobs.read(id, { pieceSize: MIB })) {
      assert.ok(piece.every((byte, i) => byte === bytes[at + i]));
      at += piece.length;
    }
    assert.equal(at, bytes.length);
    assert.equal(s3.count("GetObject"), 3);
  }, { minPartSize: 5 * MIB }));
