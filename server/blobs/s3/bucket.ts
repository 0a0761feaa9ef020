/**
 * The operations of S3 that a blob store needs, on keys below a prefix of one bucket.
 *
 * Source: Amazon S3 API Reference. Only what Ceph, MinIO and Swift offer too is used: no conditional writes, no
 * checksums in trailers, no lifecycle rules.
 *
 * @module
 */
import type { Bytes } from "../../../protocol/bytes.ts";
import { TransientFailure } from "./backoff.ts";
import type { S3Answer, S3Client, S3Request } from "./s3_client.ts";
import { S3Refusal } from "./s3_failure.ts";
import { elementsOf, escapeXml, textOf } from "./xml.ts";

/** The most entries of a page. */
const PAGE = "1000";
/** The most pages of a list, which bounds a store that repeats itself: 10 billion objects. */
const MAX_PAGES = 10_000_000;

/** A stored part of an upload. */
export interface UploadPart {
  /** Counts from 1. */
  readonly number: number;
  /** In bytes. */
  readonly size: number;
  /** The store's name for exactly this content. */
  readonly etag: string;
}

/** An upload that was begun and neither completed nor aborted. */
export interface BegunUpload {
  readonly key: string;
  readonly storeId: string;
}

/** A range of an object, while it arrives. */
export interface ObjectRange {
  /** The size of the whole object in bytes. */
  readonly size: number;
  readonly body: ReadableStream<Bytes>;
}

/** All methods throw `S3Refusal`, and errors of `S3Client`. */
export class Bucket {
  readonly #client: S3Client;
  readonly #prefix: string;

  /** `prefix`: empty, or ends with a slash. */
  constructor(client: S3Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async put(key: string, body: Bytes, signal?: AbortSignal): Promise<void> {
    const headers = { "content-type": "application/octet-stream" };
    await this.#send({ method: "PUT", key, headers, body }, signal);
  }

  /** The size of an object in bytes; `undefined` if it does not exist. */
  async size(key: string): Promise<number | undefined> {
    const answer = await unlessMissing(this.#send({ method: "HEAD", key }));
    if (answer !== undefined) return lengthIn(answer.headers);
    // The answer to a HEAD does not say whether the object or the bucket is missing.
    const range = await this.get(key, 0, 1);
    await range?.body.cancel();
    return range?.size;
  }

  /** Bytes `from` to `to` (exclusive) of an object, fewer at its end; `undefined` if it does not exist. */
  async get(key: string, from: number, to: number): Promise<ObjectRange | undefined> {
    const headers = { range: `bytes=${from}-${to - 1}` };
    try {
      const request = { method: "GET", key: this.#prefix + key, headers } as const;
      const response = await this.#client.open(request);
      const size = sizeIn(response);
      // Another range than the requested one would be other bytes.
      if (size === undefined || (response.status !== 206 && from > 0)) {
        await response.body?.cancel();
        throw new S3Refusal(response.status, "", "no range of bytes");
      }
      return { size, body: response.body ?? ReadableStream.from([]) };
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error;
      if (error.isMissing) return undefined;
      // No byte of the range exists: the object is empty, or ends before it.
      if (error.status === 416) return { size: 0, body: ReadableStream.from([]) };
      throw error;
    }
  }

  /** Does nothing if the object does not exist. */
  async delete(key: string): Promise<void> {
    await unlessMissing(this.#send({ method: "DELETE", key }));
  }

  /** The keys of all objects that begin with `begin`, without the prefix. */
  async *list(begin: string): AsyncGenerator<string, void, void> {
    const query = { "list-type": "2", "max-keys": PAGE, prefix: this.#prefix + begin };
    let position: Record<string, string> = {};
    for (let page = 0; page < MAX_PAGES; page++) {
      const { text } = await this.#client.send({
        method: "GET",
        query: { ...query, "encoding-type": "url", ...position },
      });
      // Without it, a store could not list keys that XML has no characters for.
      const isEncoded = textOf(text, "EncodingType") === "url";
      for (const entry of elementsOf(text, "Contents")) {
        const key = textOf(entry, "Key") ?? "";
        yield this.#withoutPrefix(isEncoded ? decoded(key) : key);
      }
      const token = textOf(text, "NextContinuationToken");
      if (textOf(text, "IsTruncated") !== "true" || token === undefined) return;
      position = { "continuation-token": token };
    }
  }

  /** Begins an upload. Returns the store's id of it. */
  async beginUpload(key: string): Promise<string> {
    const headers = { "content-type": "application/octet-stream" };
    const { text } = await this.#send({ method: "POST", key, query: { uploads: "" }, headers });
    const id = textOf(text, "UploadId");
    if (id === undefined || id === "") throw new S3Refusal(200, "", "no id of the upload");
    return id;
  }

  /** Stores a part. Returns its ETag. The store refuses bytes that were damaged on the way. */
  async putPart(
    { key, storeId }: BegunUpload,
    number: number,
    body: Bytes,
    signal?: AbortSignal,
  ): Promise<string> {
    const query = { partNumber: String(number), uploadId: storeId };
    const { headers } = await this.#send({ method: "PUT", key, query, body }, signal);
    const etag = headers.get("etag");
    if (etag === null) throw new S3Refusal(200, "", "no ETag of the part");
    return etag;
  }

  /** The parts of an upload, by number; `undefined` if it does not exist, or was completed. */
  async parts({ key, storeId }: BegunUpload): Promise<UploadPart[] | undefined> {
    const parts: UploadPart[] = [];
    for (let after = "0", page = 0; page < MAX_PAGES; page++) {
      const query = { uploadId: storeId, "max-parts": PAGE, "part-number-marker": after };
      const answer = await unlessMissing(this.#send({ method: "GET", key, query }));
      if (answer === undefined) return undefined;
      const { text } = answer;
      for (const part of elementsOf(text, "Part")) {
        const [number, size] = ["PartNumber", "Size"].map((name) => Number(textOf(part, name)));
        parts.push({ number: number ?? 0, size: size ?? 0, etag: textOf(part, "ETag") ?? "" });
      }
      const next = textOf(text, "NextPartNumberMarker");
      if (textOf(text, "IsTruncated") !== "true" || next === undefined) break;
      after = next;
    }
    // Swift still lists the parts of a completed upload. Writing to them would damage the object.
    if (await this.size(key) !== undefined) return undefined;
    return parts.sort((a, b) => a.number - b.number);
  }

  /**
   * Makes an object of an upload's parts. A request whose answer was lost is repeated. If the upload no longer exists
   * then, the size of the object decides.
   */
  async completeUpload(
    { key, storeId }: BegunUpload,
    parts: readonly UploadPart[],
    signal?: AbortSignal,
  ): Promise<void> {
    const list = parts.map(({ number, etag }) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`
    );
    const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      list.join("")
    }</CompleteMultipartUpload>`;
    const body = new TextEncoder().encode(xml);
    const headers = { "content-type": "application/xml" };
    const query = { uploadId: storeId };
    try {
      await this.#send({ method: "POST", key, query, headers, body }, signal);
    } catch (error) {
      if (!(error instanceof S3Refusal) || !error.isMissing) throw error;
      const expected = parts.reduce((sum, { size }) => sum + size, 0);
      if (await this.size(key) !== expected) throw error;
    }
  }

  /** Does nothing if the upload does not exist. */
  async abortUpload({ key, storeId }: BegunUpload): Promise<void> {
    await unlessMissing(this.#send({ method: "DELETE", key, query: { uploadId: storeId } }));
  }

  /**
   * All uploads whose keys begin with `begin`. MinIO lists none: it knows only those of one key, and deletes unfinished
   * uploads by itself.
   */
  async *uploads(begin: string): AsyncGenerator<BegunUpload, void, void> {
    const query = { uploads: "", "max-uploads": PAGE, prefix: this.#prefix + begin };
    let position: Record<string, string> = {};
    for (let page = 0; page < MAX_PAGES; page++) {
      const { text } = await this.#client.send({ method: "GET", query: { ...query, ...position } });
      for (const upload of elementsOf(text, "Upload")) {
        const [key, storeId] = [textOf(upload, "Key"), textOf(upload, "UploadId")];
        if (key !== undefined && storeId !== undefined) {
          yield { key: this.#withoutPrefix(key), storeId };
        }
      }
      const [key, id] = [textOf(text, "NextKeyMarker"), textOf(text, "NextUploadIdMarker")];
      if (textOf(text, "IsTruncated") !== "true" || key === undefined) return;
      position = { "key-marker": key, "upload-id-marker": id ?? "" };
    }
  }

  /** Reads the bucket as little as possible, to see whether it can be used. */
  async check(): Promise<void> {
    await this.#client.send({
      method: "GET",
      query: { "list-type": "2", "max-keys": "1", prefix: this.#prefix },
    });
  }

  async #send(request: S3Request & { readonly key: string }, signal?: AbortSignal) {
    return await this.#client.send({ ...request, key: this.#prefix + request.key }, signal);
  }

  #withoutPrefix(key: string): string {
    return key.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : key;
  }
}

async function unlessMissing(answer: Promise<S3Answer>): Promise<S3Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof S3Refusal && error.isMissing) return undefined;
    throw error;
  }
}

function lengthIn(headers: Headers): number {
  const length = Number(headers.get("content-length") ?? NaN);
  if (Number.isSafeInteger(length)) return length;
  throw new TransientFailure("it answered without a length");
}

/** The size of the whole object that the answer to a GET is a range of. */
function sizeIn({ status, headers }: Response): number | undefined {
  if (status === 200) return lengthIn(headers);
  const size = /^bytes \d+-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  return size === undefined ? undefined : Number(size);
}

/** A key in a URL's encoding. Those of foreign objects can have any characters. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return key;
  }
}
