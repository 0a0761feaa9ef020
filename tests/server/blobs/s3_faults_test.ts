/** A store of objects that fails, cuts connections, loses answers or damages bytes. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { StorageError, UnavailableError } from "../../../protocol/errors.ts";
import { type BlobId, BlobNotFound, type BlobStore } from "../../../server/blobs/blob_store.ts";
import type { S3Fault } from "../../support/store/fake_s3.ts";
import type { S3Operation } from "../../support/store/s3_call.ts";
import { IMPATIENT, PART, QUICK, type S3Scene, withS3 } from "./s3_scene.ts";
import { content, owner, readAll, stored } from "./blob_backend.ts";

const test = (what: string, work: (scene: S3Scene) => Promise<void>) =>
  Deno.test(`S3BlobStore, faults: ${what}`, () => withS3(work));
const none = () => Promise.resolve(false);

/** Uses each operation: a small file, a large one, one that is resumed, and one that is forgotten. */
async function useAll(blobs: BlobStore): Promise<void> {
  const small = await stored(blobs, content.subarray(0, 1000));
  assert.deepEqual(await readAll(blobs, small), content.slice(0, 1000));
  const writer = await blobs.create({ owner });
  await writer.write(0, content.subarray(0, 3 * PART));
  const offset = await writer.suspend(3 * PART);
  assert.equal(offset, 3 * PART);
  const again = await blobs.reopen(writer.uploadId, { owner, offset });
  await again.write(offset, content.subarray(offset));
  await again.finish();
  assert.deepEqual(await readAll(blobs, again.blobId), content);
  assert.deepEqual(await blobs.stat(again.blobId), { size: content.length });
  assert.deepEqual((await Array.fromAsync(blobs.list())).sort(), [small, again.blobId].sort());
  await (await blobs.create({ owner })).suspend(0);
  assert.equal(await blobs.sweepUploads(none), 1);
  for (const id of [small, again.blobId]) await blobs.delete(id);
  assert.deepEqual(await Array.fromAsync(blobs.list()), []);
}

const OPERATIONS: readonly S3Operation[] = [
  ...["AbortMultipartUpload", "CompleteMultipartUpload", "CreateMultipartUpload"] as const,
  ...["DeleteObject", "GetObject", "HeadObject", "ListMultipartUploads", "ListObjectsV2"] as const,
  ...["ListParts", "PutObject", "UploadPart"] as const,
];
const FAULTS: readonly S3Fault[] = [
  "slow-down",
  { status: 429 },
  { status: 500, body: "<html>not XML</html>" },
  { status: 503, headers: { "retry-after": "1" } },
  "cut",
];

for (const operation of OPERATIONS) {
  test(`${operation} is repeated after each fault`, async ({ s3, open }) => {
    const blobs = await open();
    s3.failNext(operation, ...FAULTS);
    await useAll(blobs);
    assert.ok(s3.count(operation) > FAULTS.length);
    assert.equal(s3.fault({ operation, key: "", query: new URLSearchParams() }), undefined);
  });
}

const REPEATABLE = OPERATIONS.filter((operation) => operation !== "CreateMultipartUpload");
for (const operation of REPEATABLE) {
  test(`${operation} is done once if its answer is lost`, async ({ s3, open }) => {
    const blobs = await open();
    s3.failNext(operation, "lose-answer", "cut-body");
    await useAll(blobs);
    assert.equal(s3.uploads.size, 0);
  });
}

test("an upload whose id is lost is swept", async ({ s3, open }) => {
  const blobs = await open();
  s3.failNext("CreateMultipartUpload", "lose-answer", "cut-body");
  const writer = await blobs.create({ owner });
  assert.equal(s3.uploads.size, 3);
  assert.equal(await blobs.sweepUploads((id) => Promise.resolve(id === writer.uploadId)), 2);
  await writer.abort();
});

test("bytes that are damaged on the way are sent again", async ({ s3, open }) => {
  const blobs = await open();
  s3.failNext("PutObject", "damage", "damage");
  s3.failNext("UploadPart", "damage", "damage");
  await useAll(blobs);
});

test("an error in an answer of status 200 is an error", async ({ s3, open }) => {
  const blobs = await open();
  s3.failNext("CompleteMultipartUpload", "error-in-200", "error-in-200");
  assert.deepEqual(await readAll(blobs, await stored(blobs)), content);
  assert.equal(s3.count("CompleteMultipartUpload"), 3);
});

test("an upload is ended again if the store could not read a part for a moment", async ({ s3, open }) => {
  const blobs = await open();
  const refused = (words: string): S3Fault => ({
    status: 400,
    body: `<Error><Code>InvalidRequest</Code><Message>${words}</Message></Error>`,
  });
  // Swift's words.
  s3.failNext(
    "CompleteMultipartUpload",
    refused("/bucket+segments/a/b/1: 503 Service Unavailable"),
  );
  assert.deepEqual(await readAll(blobs, await stored(blobs)), content);
  assert.equal(s3.count("CompleteMultipartUpload"), 2);
  s3.failNext("CompleteMultipartUpload", refused("You must specify at least one part"));
  await assert.rejects(stored(blobs), { code: "object-store-refused" });
});

test("an upload that no longer exists at its end fails, unless its object is whole", async ({ s3, open }) => {
  const blobs = await open({ retry: IMPATIENT });
  const writer = await blobs.create({ owner, size: content.length });
  await writer.write(0, content);
  await writer.close();
  s3.uploads.clear();
  await assert.rejects(writer.finish(), { code: "object-store-refused" });
  await writer.abort();
  assert.equal(await blobs.stat(writer.blobId), undefined);
});

test("a part that another process has overwritten is not accepted", async ({ s3, open }) => {
  const [first, second] = [await open(), await open()];
  const writer = await first.create({ owner });
  await writer.write(0, content.subarray(0, 2 * PART));
  const offset = await writer.checkpoint(2 * PART);
  const other = await second.reopen(writer.uploadId, { owner, offset: PART });
  await other.write(PART, new Uint8Array(PART));
  await other.checkpoint(2 * PART);
  assert.equal(offset, 2 * PART);
  await assert.rejects(writer.finish(), { code: "object-store-refused" });
  assert.equal(s3.objects.size, 0);
});

Deno.test("S3BlobStore: a completed upload is not reopened if the store still lists its parts", () =>
  withS3(async ({ open }) => {
    const blobs = await open();
    const writer = await blobs.create({ owner });
    await writer.write(0, content);
    await writer.finish();
    assert.equal(await blobs.stat(writer.uploadId), undefined);
    const offset = PART;
    await assert.rejects(blobs.reopen(writer.uploadId, { owner, offset }), BlobNotFound);
    await blobs.delete(writer.uploadId);
    assert.deepEqual(await readAll(blobs, writer.blobId), content);
  }, { listsCompleted: true }));

test("a store that does not answer is unavailable, and works again later", async ({ s3, open }) => {
  const blobs = await open({ retry: IMPATIENT });
  const id = await stored(blobs, content.subarray(0, 1000));
  const large = await blobs.create({ owner, size: content.length });
  const small = await blobs.create({ owner, size: 10 });
  await small.write(0, content.subarray(0, 10));
  s3.fault = () => "cut";
  const attempts: readonly (() => Promise<unknown>)[] = [
    () => blobs.create({ owner }),
    () => blobs.reopen(large.uploadId, { owner, offset: 0 }),
    () => large.write(0, content).then(() => large.close()),
    () => small.finish(),
    () => blobs.stat(id),
    () => readAll(blobs, id),
    () => blobs.delete(id),
    () => Array.fromAsync(blobs.list()),
    () => blobs.sweepUploads(none),
  ];
  for (const attempt of attempts) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof UnavailableError, String(error));
      assert.equal(error.code, "unavailable");
      assert.match(error.message, /^the object store does not answer: /);
      return true;
    });
  }
  // The store cannot be asked to delete the parts. A sweep deletes them.
  await large.abort();
  s3.fault = () => undefined;
  assert.equal(await blobs.sweepUploads(none), 1);
  assert.deepEqual(await readAll(blobs, id), content.slice(0, 1000));
});

test("a failed part fails the upload, and gives its memory back", async ({ s3, open }) => {
  const blobs = await open();
  s3.fault = ({ operation }) => operation === "UploadPart" ? { status: 400 } : undefined;
  const writer = await blobs.create({ owner });
  await assert.rejects(
    async () => {
      for (let at = 0; at < content.length; at += PART) {
        await writer.write(at, content.subarray(at, at + PART));
      }
      await writer.close();
    },
    (error) => error instanceof StorageError && error.code === "object-store-refused",
  );
  await assert.rejects(writer.finish(), { code: "object-store-refused" });
  await writer.abort();
  assert.equal(blobs.bytesInMemory, 0);
  assert.equal(s3.uploads.size, 0);
});

test("a read that is cut resumes at that byte", async ({ s3, open }) => {
  const sizes = { part: PART, minPart: 10_000, range: 100_000 };
  const blobs = await open({ retry: QUICK, sizes });
  const id = await stored(blobs);
  s3.calls.length = 0;
  s3.failNext("GetObject", "cut-body", "cut", "cut-body", "slow-down");
  assert.deepEqual(await readAll(blobs, id, { pieceSize: 33_333 }), content);
  // Six ranges, and one more for each fault. A range ahead may have been given up.
  assert.ok(s3.count("GetObject") >= 10 && s3.count("GetObject") <= 14);
});

test("a read that is cut while the reader pauses is tried again", async ({ s3, open }) => {
  const blobs = await open({ retry: IMPATIENT, sizes: { range: 100_000 } });
  const id = await stored(blobs);
  let ranges = 0;
  s3.fault = ({ operation }) =>
    operation === "GetObject" && ++ranges === 2 ? "cut-body" : undefined;
  const read: Bytes[] = [];
  for await (const bytes of blobs.read(id, { pieceSize: 50_000 })) {
    read.push(bytes.slice());
    // Longer than requests are repeated.
    if (read.length < 4) {
      await new Promise((resolve) => setTimeout(resolve, 3 * IMPATIENT.retryForMs));
    }
  }
  assert.deepEqual(concatBytes(...read), content);
});

test("a read fails if the object disappears between ranges, or is another one", async ({ s3, open }) => {
  const blobs = await open({ sizes: { range: 100_000 } });
  const id = await stored(blobs);
  const [key = ""] = s3.objects.keys();
  const object = s3.objects.get(key);
  assert.ok(object);
  const change = async (work: () => void) => {
    s3.objects.set(key, object);
    const read: Bytes[] = [];
    await assert.rejects(async () => {
      for await (const piece of blobs.read(id, { pieceSize: 50_000 })) {
        read.push(piece.slice());
        work();
      }
    }, BlobNotFound);
    const bytes = concatBytes(...read);
    assert.deepEqual(bytes, content.slice(0, bytes.length));
  };
  await change(() => s3.objects.delete(key));
  await change(() => s3.objects.set(key, { ...object, bytes: object.bytes.slice(1) }));
});

const NO_BUCKET: S3Fault = { status: 404, body: "<Error><Code>NoSuchBucket</Code></Error>" };

for (const operation of OPERATIONS) {
  test(`${operation} is repeated if the bucket seems to be gone for a moment`, async ({ s3, open }) => {
    const blobs = await open();
    s3.failNext(operation, NO_BUCKET);
    if (operation === "HeadObject") s3.failNext("GetObject", NO_BUCKET);
    await useAll(blobs);
  });
}

test("a bucket that is gone is unavailable, and no object in it is missing", async ({ s3, open }) => {
  const blobs = await open({ retry: IMPATIENT });
  const id = await stored(blobs, content.subarray(0, 10));
  s3.fault = () => NO_BUCKET;
  await assert.rejects(blobs.stat(id), { code: "unavailable" });
  await assert.rejects(readAll(blobs, id), { code: "unavailable" });
  await assert.rejects(open({ retry: IMPATIENT }), { code: "bucket-unusable" });
});

test("refusals say what the store answered, and what to do", async ({ s3, open }) => {
  const blobs = await open();
  const answer = (status: number, code: string): S3Fault => ({
    status,
    body: `<Error><Code>${code}</Code><Message>so\u001b[31m</Message></Error>`,
  });
  const id = await stored(blobs, content.subarray(0, 10));
  for (
    const [status, code, hint] of [
      [403, "AccessDenied", /rights/],
      [403, "RequestTimeTooSkewed", /clock/],
      [501, "NotImplemented", undefined],
    ] as const
  ) {
    s3.fault = () => answer(status, code);
    await assert.rejects(readAll(blobs, id), (error) => {
      assert.ok(error instanceof StorageError && error.code === "object-store-refused");
      assert.equal(
        error.message,
        `cannot read the bucket: the object store answered ${status} ${code} so\\u{1b}[31m`,
      );
      assert.ok(hint === undefined ? error.hint === undefined : hint.test(error.hint ?? ""));
      return true;
    });
  }
  s3.fault = () => ({ status: 301, headers: { location: "http://127.0.0.1:1/" } });
  await assert.rejects(blobs.stat(id as BlobId), { code: "object-store-refused" });
});
