/**
 * The rules of S3 that the store of a bucket relies on, each as a check with plain signed requests. They are tried at
 * the fake of the tests and at real servers, so that the fake cannot be kinder than they are.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import type { Bytes } from "../../../protocol/bytes.ts";
import { elementsOf, escapeXml, textOf } from "../../../server/blobs/s3/xml.ts";
import { pseudoRandomBytes } from "../bytes.ts";

export interface S3Server {
  readonly bucketUrl: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The smallest size of a part that is not the last, in bytes. */
  readonly minPartSize: number;
}

interface Check {
  readonly name: string;
  readonly run: (bucket: PlainBucket) => Promise<void>;
}

interface Init {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes | string;
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Bytes;
  readonly text: string;
  readonly code: string | undefined;
}

/** Requests without anything of ours. */
export class PlainBucket {
  readonly server: S3Server;
  readonly #client: AwsClient;

  constructor(server: S3Server, changes: Partial<S3Server> = {}) {
    this.server = server;
    this.#client = new AwsClient({ ...server, ...changes, service: "s3", retries: 0 });
  }

  async send(key: string, { query = {}, headers = {}, ...init }: Init = {}): Promise<Answered> {
    const search = new URLSearchParams(query).toString();
    const path = key.split("/").map(encodeURIComponent).join("/");
    const url = `${this.server.bucketUrl}/${path}${search === "" ? "" : `?${search}`}`;
    const digest = createHash("sha256").update(init.body ?? "").digest("hex");
    const response = await this.#client.fetch(url, {
      ...init,
      headers: { "x-amz-content-sha256": digest, ...headers },
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    return {
      ...{ status: response.status, headers: response.headers, bytes, text },
      code: textOf(text, "Code"),
    };
  }

  put(key: string, body: Bytes | string, init: Init = {}): Promise<Answered> {
    return this.send(key, { method: "PUT", body, ...init });
  }

  async begin(key: string): Promise<string> {
    const { text } = await this.send(key, { method: "POST", query: { uploads: "" } });
    return textOf(text, "UploadId") ?? "";
  }

  part(key: string, uploadId: string, number: number, body: Bytes): Promise<Answered> {
    return this.put(key, body, { query: { partNumber: String(number), uploadId } });
  }

  complete(key: string, uploadId: string, parts: readonly (readonly [number, string])[]) {
    const list = parts.map(([number, etag]) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`
    );
    const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      list.join("")
    }</CompleteMultipartUpload>`;
    return this.send(key, { method: "POST", query: { uploadId }, body });
  }

  abort(key: string, uploadId: string): Promise<Answered> {
    return this.send(key, { method: "DELETE", query: { uploadId } });
  }

  /** The keys or uploads on all pages of a list, and the number of pages. */
  async pages(query: Record<string, string>, entry: string, next: Record<string, string>) {
    const found: string[] = [];
    let position: Record<string, string> = {};
    for (let count = 1;; count++) {
      const { text, status } = await this.send("", { query: { ...query, ...position } });
      assert.equal(status, 200, text);
      found.push(...elementsOf(text, entry).map((each) => textOf(each, "Key") ?? ""));
      if (textOf(text, "IsTruncated") !== "true") return { found, count };
      assert.ok(count < 100, "the list has no end");
      position = Object.fromEntries(
        Object.entries(next).map(([name, element]) => [name, textOf(text, element) ?? ""]),
      );
    }
  }
}

/** Whether a completion failed, whose status can be 200. */
function hasFailed({ status, code }: Answered, ...codes: readonly string[]): void {
  assert.ok(status !== 200 || code !== undefined);
  assert.ok(codes.includes(code ?? ""), `${status} ${code}`);
}

export const S3_CHECKS: readonly Check[] = [
  {
    name: "an object has the bytes of its last PUT",
    async run(bucket) {
      const key = "checks/object";
      for (const size of [100_000, 1, 0]) {
        const bytes = pseudoRandomBytes(size, size);
        assert.equal((await bucket.put(key, bytes)).status, 200);
        const { status, bytes: read } = await bucket.send(key);
        assert.deepEqual([status, read], [200, bytes]);
        const head = await bucket.send(key, { method: "HEAD" });
        assert.equal(head.headers.get("content-length"), String(size));
      }
      assert.equal((await bucket.send(key, { method: "DELETE" })).status, 204);
      assert.equal((await bucket.send(key, { method: "DELETE" })).status, 204);
    },
  },
  {
    name: "a missing object is 404 NoSuchKey, and 404 without a body for HEAD",
    async run(bucket) {
      const { status, code } = await bucket.send("checks/none");
      assert.deepEqual([status, code], [404, "NoSuchKey"]);
      const head = await bucket.send("checks/none", { method: "HEAD" });
      assert.deepEqual([head.status, head.bytes.length], [404, 0]);
    },
  },
  {
    name: "a range is a part of the object, with the size of all of it",
    async run(bucket) {
      const bytes = pseudoRandomBytes(1000);
      await bucket.put("checks/range", bytes);
      for (const [from, to] of [[0, 1000], [10, 20], [990, 2000]] as const) {
        const read = await bucket.send("checks/range", {
          headers: { range: `bytes=${from}-${to - 1}` },
        });
        const end = Math.min(to, 1000);
        assert.deepEqual([read.status, read.bytes], [206, bytes.slice(from, end)]);
        assert.equal(read.headers.get("content-range"), `bytes ${from}-${end - 1}/1000`);
      }
      for (const size of [1000, 0]) {
        await bucket.put("checks/range", bytes.subarray(0, size));
        const headers = { range: `bytes=${size}-${size + 9}` };
        assert.equal((await bucket.send("checks/range", { headers })).status, 416);
      }
      await bucket.send("checks/range", { method: "DELETE" });
    },
  },
  {
    name: "bytes that are not those of the digest are refused",
    async run(bucket) {
      const other = createHash("sha256").update("other").digest("hex");
      const key = "checks/damaged";
      const put = await bucket.put(key, "hello", { headers: { "x-amz-content-sha256": other } });
      assert.ok(put.status === 400 || put.status === 403, `${put.status}`);
      assert.ok(["BadDigest", "XAmzContentSHA256Mismatch"].includes(put.code ?? ""), put.code);
      assert.equal((await bucket.send(key)).status, 404);
      const uploadId = await bucket.begin(key);
      const part = await bucket.put(key, "hello", {
        query: { partNumber: "1", uploadId },
        headers: { "x-amz-content-sha256": other },
      });
      assert.ok(part.status >= 400);
      const list = await bucket.send(key, { query: { uploadId } });
      assert.deepEqual(elementsOf(list.text, "Part"), []);
      await bucket.abort(key, uploadId);
      const headers = { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" };
      const md5 = await bucket.put(key, "hello", { headers });
      assert.deepEqual([md5.status, md5.code], [400, "BadDigest"]);
    },
  },
  {
    name: "requests with a wrong key, secret or signature are refused",
    async run(bucket) {
      const { server } = bucket;
      for (const changes of [{ secretAccessKey: "other" }, { accessKeyId: "other:other" }]) {
        const { status } = await new PlainBucket(server, changes).send("checks/none");
        assert.equal(status, 403);
      }
      const unsigned = await fetch(`${server.bucketUrl}/checks/none`);
      await unsigned.body?.cancel();
      assert.ok([400, 401, 403].includes(unsigned.status), `${unsigned.status}`);
    },
  },
  {
    name: "objects are listed by prefix and page, in order, with keys of any characters",
    async run(bucket) {
      const keys = Array.from({ length: 5 }, (_, i) => `checks/list/${i}`);
      keys.push("checks/list/a b&<c>+%20\u{1f600}");
      await Promise.all(keys.map((key) => bucket.put(key, "x")));
      const query = { "list-type": "2", "max-keys": "2", "encoding-type": "url" };
      const { found, count } = await bucket.pages(
        { ...query, prefix: "checks/list/" },
        "Contents",
        { "continuation-token": "NextContinuationToken" },
      );
      assert.deepEqual(found.map((key) => decodeURIComponent(key.replaceAll("+", " "))), keys);
      assert.equal(count, 3);
      await Promise.all(keys.map((key) => bucket.send(key, { method: "DELETE" })));
      const rest = await bucket.send("", { query: { "list-type": "2", prefix: "checks/list/" } });
      assert.deepEqual(elementsOf(rest.text, "Contents"), []);
    },
  },
  {
    name:
      "parts become an object, in the order of their numbers; aborting their upload later has no effect",
    async run(bucket) {
      const key = "checks/parts";
      const { minPartSize } = bucket.server;
      const [one, two] = [pseudoRandomBytes(minPartSize, 1), pseudoRandomBytes(1000, 2)];
      const uploadId = await bucket.begin(key);
      const last = await bucket.part(key, uploadId, 7, two);
      await bucket.part(key, uploadId, 2, two);
      const first = await bucket.part(key, uploadId, 2, one); // overwrites the part
      const extra = await bucket.part(key, uploadId, 9, two); // is not part of the object
      assert.equal(extra.status, 200);
      assert.equal((await bucket.send(key)).status, 404);
      const etags = [first, last].map(({ headers }) => headers.get("etag") ?? "");
      const done = await bucket.complete(key, uploadId, [[2, etags[0] ?? ""], [7, etags[1] ?? ""]]);
      assert.deepEqual([done.status, done.code], [200, undefined]);
      const { bytes } = await bucket.send(key);
      assert.deepEqual(bytes.length, minPartSize + 1000);
      assert.deepEqual(bytes.slice(0, 1000), one.slice(0, 1000));
      assert.deepEqual(bytes.slice(minPartSize), two);
      await bucket.abort(key, uploadId);
      assert.deepEqual((await bucket.send(key)).bytes, bytes);
      await bucket.send(key, { method: "DELETE" });
    },
  },
  {
    name: "the parts of an upload are listed by page, with size and ETag",
    async run(bucket) {
      const key = "checks/list-parts";
      const uploadId = await bucket.begin(key);
      const etags = [];
      for (let i = 1; i <= 5; i++) {
        const { headers } = await bucket.part(key, uploadId, i, pseudoRandomBytes(i * 100, i));
        etags.push(headers.get("etag"));
      }
      const found: (string | undefined)[][] = [];
      for (let after = "0";;) {
        const query = { uploadId, "max-parts": "2", "part-number-marker": after };
        const { text } = await bucket.send(key, { query });
        for (const part of elementsOf(text, "Part")) {
          found.push(["PartNumber", "Size", "ETag"].map((name) => textOf(part, name)));
        }
        if (textOf(text, "IsTruncated") !== "true") break;
        after = textOf(text, "NextPartNumberMarker") ?? "";
      }
      const expected = etags.map((etag, i) => [String(i + 1), String((i + 1) * 100), etag]);
      assert.deepEqual(found, expected);
      await bucket.abort(key, uploadId);
    },
  },
  {
    name: "a part that is too small can only be the last",
    async run(bucket) {
      const key = "checks/small-parts";
      const uploadId = await bucket.begin(key);
      const parts: [number, string][] = [];
      for (const number of [1, 2]) {
        const body = pseudoRandomBytes(bucket.server.minPartSize - 1, number);
        const { headers } = await bucket.part(key, uploadId, number, body);
        parts.push([number, headers.get("etag") ?? ""]);
      }
      hasFailed(await bucket.complete(key, uploadId, parts), "EntityTooSmall");
      assert.equal((await bucket.send(key)).status, 404);
      await bucket.abort(key, uploadId);
    },
  },
  {
    name: "a completion with another ETag, or without parts, is refused",
    async run(bucket) {
      const key = "checks/other-etag";
      const uploadId = await bucket.begin(key);
      await bucket.part(key, uploadId, 1, pseudoRandomBytes(1000));
      const other = `"${"0".repeat(32)}"`;
      hasFailed(await bucket.complete(key, uploadId, [[1, other]]), "InvalidPart");
      hasFailed(await bucket.complete(key, uploadId, []), "MalformedXML", "InvalidRequest");
      assert.equal((await bucket.send(key)).status, 404);
      await bucket.abort(key, uploadId);
    },
  },
  {
    name: "an aborted upload is gone, with its parts",
    async run(bucket) {
      const key = "checks/aborted";
      const uploadId = await bucket.begin(key);
      const { headers } = await bucket.part(key, uploadId, 1, pseudoRandomBytes(1000));
      assert.equal((await bucket.abort(key, uploadId)).status, 204);
      const part = await bucket.part(key, uploadId, 2, pseudoRandomBytes(1000));
      assert.deepEqual([part.status, part.code], [404, "NoSuchUpload"]);
      const etag = headers.get("etag") ?? "";
      hasFailed(await bucket.complete(key, uploadId, [[1, etag]]), "NoSuchUpload");
      const list = await bucket.send(key, { query: { uploadId } });
      assert.deepEqual([list.status, list.code], [404, "NoSuchUpload"]);
    },
  },
  {
    name: "uploads are listed by prefix and page",
    async run(bucket) {
      const keys = ["checks/uploads/a", "checks/uploads/a", "checks/uploads/b", "checks/uploads/c"];
      const ids: [string, string][] = [];
      for (const key of [...keys, "checks/other"]) ids.push([key, await bucket.begin(key)]);
      const { found, count } = await bucket.pages(
        { uploads: "", "max-uploads": "2", prefix: "checks/uploads/" },
        "Upload",
        { "key-marker": "NextKeyMarker", "upload-id-marker": "NextUploadIdMarker" },
      );
      assert.deepEqual(found, keys);
      assert.ok(count >= 2);
      for (const [key, id] of ids) await bucket.abort(key, id);
    },
  },
];
