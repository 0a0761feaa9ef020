/** Blobs in a real object store, OpenStack Swift. Runs only in `deno task test:cluster`. */
import assert from "node:assert/strict";
import { Swift } from "../../scripts/cluster/swift.ts";
import { S3BlobStore, type S3BlobStoreOptions } from "../../server/blobs/s3/s3_blob_store.ts";
import { PART_SIZE } from "../../server/blobs/s3/part_sizes.ts";
import { owner } from "../server/blobs/blob_backend.ts";
import { blobStoreSuite } from "../server/blobs/suite.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { PlainBucket, S3_CHECKS } from "../support/store/s3_checks.ts";
import { clusterRun } from "./cluster_run.ts";

const MIB = 1024 * 1024;
const MIN_PART_SIZE = 5 * MIB;
const SMALL_PART = 10_000;
const ignore = clusterRun() === undefined;

const swift = ignore ? undefined : await Swift.start({ smallPart: SMALL_PART });
swift?.unref();
globalThis.addEventListener("unload", () => swift?.killNow());

const bucket = `xfer-${crypto.randomUUID()}`;
const [bucketUrl, smallBucketUrl] = [swift?.endpoint, swift?.smallEndpoint]
  .map((endpoint) => `${endpoint}/${bucket}`) as [string, string];
const { region = "", ...credentials } = swift?.access ?? { accessKeyId: "", secretAccessKey: "" };
const server = { ...{ bucketUrl, region, ...credentials }, minPartSize: MIN_PART_SIZE };
if (!ignore) {
  const { status, text } = await new PlainBucket(server).send("", { method: "PUT" });
  assert.equal(status, 200, text);
}

/** A store with keys of its own. */
function open(changes: Partial<S3BlobStoreOptions> = {}): Promise<S3BlobStore> {
  return S3BlobStore.open({
    ...{ bucketUrl, region, prefix: `${crypto.randomUUID()}/` },
    readCredentials: () => Promise.resolve(credentials),
    ...changes,
  });
}

function test(name: string, fn: () => Promise<void>) {
  Deno.test({ name: `Swift: ${name}`, ignore, fn });
}

for (const { name, run } of S3_CHECKS) test(name, () => run(new PlainBucket(server)));

blobStoreSuite("S3BlobStore on Swift", () => {
  const prefix = `${crypto.randomUUID()}/`;
  const sizes = { part: 5 * SMALL_PART, minPart: SMALL_PART };
  return { open: () => open({ bucketUrl: smallBucketUrl, prefix, sizes }) };
}, { ignore });

/** Content that is never in memory as a whole. */
const piece = pseudoRandomBytes(MIB);

async function assertContent(
  blobs: S3BlobStore,
  id: Parameters<S3BlobStore["read"]>[0],
  size: number,
) {
  let at = 0;
  for await (const read of blobs.read(id, { pieceSize: MIB })) {
    assert.ok(read.every((byte, i) => byte === piece[i]), `at ${at}`);
    at += read.length;
  }
  assert.equal(at, size);
}

test("parts of the real size, resumed by another process", async () => {
  const prefix = `${crypto.randomUUID()}/`;
  const blobs = await open({ prefix });
  const writer = await blobs.create({ owner, size: 30 * MIB });
  for (let at = 0; at < 20 * MIB; at += MIB) await writer.write(at, piece);
  const offset = await writer.suspend(20 * MIB);
  assert.equal(offset, 2 * PART_SIZE);
  const later = await open({ prefix });
  const again = await later.reopen(writer.uploadId, { owner, offset });
  for (let at = offset; at < 30 * MIB; at += MIB) await again.write(at, piece);
  await again.finish();
  await assertContent(later, again.blobId, 30 * MIB);
  await later.delete(again.blobId);
});

test("an upload and a download survive servers that are killed and started again", async () => {
  assert.ok(swift);
  const blobs = await open({
    retry: { retryForMs: 120_000, firstPauseMs: 100, longestPauseMs: 1_000 },
  });
  const writer = await blobs.create({ owner });
  const size = 40 * MIB;
  for (let at = 0; at < size; at += MIB) {
    await writer.write(at, piece);
    if (at === 10 * MIB) await swift.kill("proxy");
    if (at === 11 * MIB) await swift.restart("proxy");
    if (at === 25 * MIB) await swift.kill("object");
    if (at === 26 * MIB) await swift.restart("object");
  }
  await writer.close();
  await swift.kill("proxy", "object", "container");
  const finished = writer.finish();
  await swift.restart("container", "object", "proxy");
  await finished;
  const reading = assertContent(blobs, writer.blobId, size);
  await swift.kill("proxy");
  await swift.restart("proxy");
  await reading;
  await blobs.delete(writer.blobId);
  assert.equal(await blobs.sweepUploads(() => Promise.resolve(false)), 0);
  swift.unref();
});
