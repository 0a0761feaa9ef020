/** A server whose object store fails for a while: clients try again, and nothing is confirmed before it is stored. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { getFiles } from "../../client/v4/get_files.ts";
import { S3BlobStore } from "../../server/blobs/s3/s3_blob_store.ts";
import type { Limits } from "../../server/limits/limits.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { FakeS3 } from "../support/store/fake_s3.ts";
import type { S3Operation } from "../support/store/s3_call.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";
import { putAll } from "../support/v4/put_all.ts";

const PART = 2 * CHUNK_SIZE;
/** Ends after a few attempts. */
const RETRY = { retryForMs: 20, firstPauseMs: 4, longestPauseMs: 8 };

async function withBucket(
  body: (fixture: Fixture, s3: FakeS3) => Promise<void>,
  limits: Partial<Limits> = {},
): Promise<void> {
  await using s3 = new FakeS3({ minPartSize: PART });
  const openBlobs = () =>
    S3BlobStore.open({
      ...{ bucketUrl: s3.bucketUrl(), region: s3.signer.region, prefix: "xfer/" },
      readCredentials: () => Promise.resolve(s3.signer),
      ...{ retry: RETRY, sizes: { part: PART, minPart: PART, range: CHUNK_SIZE } },
    });
  await using fixture = await Fixture.create({ inlineSize: 0, ...limits }, {
    stores: { openBlobs },
  });
  (await fixture.client("Alice"))[Symbol.dispose]();
  await body(fixture, s3);
}

/** Waits for nothing before a retry, and lists their codes. After some of them, the outage ends. */
function retries(s3: FakeS3, outageEndsAfter: number) {
  const codes: string[] = [];
  return {
    codes,
    transfer: {
      pause: () => Promise.resolve(),
      onRetry: ({ error }: { error: { code: string } }) => {
        codes.push(error.code);
        if (codes.length === outageEndsAfter) s3.fault = () => undefined;
      },
    },
  };
}

function outage(s3: FakeS3, operations: readonly S3Operation[]): void {
  s3.fault = ({ operation }) => operations.includes(operation) ? "cut" : undefined;
}

const CASES = [
  ["a small file", "PutObject", CHUNK_SIZE],
  ["the start of a large file", "CreateMultipartUpload", 5 * CHUNK_SIZE],
  ["the middle of a large file", "UploadPart", 5 * CHUNK_SIZE],
  ["the end of a large file", "CompleteMultipartUpload", 5 * CHUNK_SIZE],
] as const;

for (const [what, operation, size] of CASES) {
  Deno.test(`object store outage: ${what}: the client tries again until it is stored`, () =>
    withBucket(async (fixture, s3) => {
      const content = pseudoRandomBytes(size);
      const path = await fixture.folder.write("a", content);
      outage(s3, [operation]);
      const { codes, transfer } = retries(s3, 2);
      const connect = await fixture.options("Alice");
      const [outcome] = await putAll({ connect, paths: [path], transfer });
      assert.equal(outcome?.state, "stored");
      assert.deepEqual(codes, ["unavailable", "unavailable"]);
      using client = await fixture.client("Alice");
      assert.deepEqual(await got(client, "a"), content);
      assert.equal(s3.objects.size, 1);
    }));
}

Deno.test("object store outage: a download tries again", () =>
  withBucket(async (fixture, s3) => {
    const content = pseudoRandomBytes(5 * CHUNK_SIZE);
    const connect = await fixture.options("Alice");
    await putAll({ connect, paths: [await fixture.folder.write("a", content)] });
    let ranges = 0;
    s3.fault = ({ operation }) =>
      operation === "GetObject" && ranges++ >= 2 ? "cut-body" : undefined;
    const { codes, transfer } = retries(s3, 2);
    const target = fixture.folder.join("down");
    await getFiles({ connect, names: ["a"], target, transfer });
    assert.deepEqual(codes, ["unavailable", "unavailable"]);
    assert.deepEqual(await Deno.readFile(target), content);
  }));

Deno.test("object store outage: a download of a file that is overwritten can be begun again", () =>
  withBucket(async (fixture) => {
    // More than the server sends before the client takes it.
    const old = pseudoRandomBytes(40 * CHUNK_SIZE, 1);
    const other = pseudoRandomBytes(5 * CHUNK_SIZE, 2);
    const connect = await fixture.options("Alice");
    await putAll({ connect, paths: [await fixture.folder.write("a", old)] });
    const source = await fixture.source("b", other);
    using reader = await fixture.client("Alice");
    using writer = await fixture.client("Alice");
    let overwritten: Promise<unknown> | undefined;
    const reading = reader.get({ name: "a" }, async () => {
      overwritten ??= put(writer, [{ file: source, name: "a" }]);
      await overwritten;
    });
    await assert.rejects(reading, { code: "unavailable" });
    using again = await fixture.client("Alice");
    assert.deepEqual(await got(again, "a"), other);
  }, { historyMs: 0 }));

Deno.test("object store outage: protocol 3 gets an error or no answer, and the file is stored later", () =>
  withBucket(async (fixture, s3) => {
    const content = pseudoRandomBytes(3 * CHUNK_SIZE);
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Bob");
    outage(s3, ["CreateMultipartUpload", "UploadPart"]);
    const answer = await peer.sendFile("x", content);
    assert.ok(["closed", "generalError"].includes(kindOf(answer)), kindOf(answer));
    assert.equal(s3.objects.size, 0);
    s3.fault = () => undefined;
    await peer.reconnectSocket();
    await peer.sendFile("x", content);
    assert.equal(kindOf(await peer.judge("crcValid", "x")), "messageReceived");
    assert.equal(s3.objects.size, 1);
    assert.equal(s3.uploads.size, 0);
  }));
