/** Requests to an S3 server, and its answers, in its own terms. */
import { createHash } from "node:crypto";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { HttpAnswer, HttpRequest } from "./http_server.ts";

export type S3Operation =
  | "AbortMultipartUpload"
  | "CompleteMultipartUpload"
  | "CreateMultipartUpload"
  | "DeleteObject"
  | "GetObject"
  | "HeadBucket"
  | "HeadObject"
  | "ListMultipartUploads"
  | "ListObjectsV2"
  | "ListParts"
  | "PutObject"
  | "UploadPart";

export interface StoredObject {
  readonly bytes: Bytes;
  readonly etag: string;
}

/** A request. */
export interface S3Call {
  readonly operation: S3Operation;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Bytes;
}

/** The only one that exists. */
export const BUCKET = "bucket";

/** `undefined` for another bucket. */
export function parseCall({ method, target, headers, body }: HttpRequest): S3Call | undefined {
  const url = new URL(target, "http://localhost");
  const [, bucket, ...names] = url.pathname.split("/");
  if (bucket !== BUCKET) return undefined;
  const key = decodeURIComponent(names.join("/"));
  const query = url.searchParams;
  return { operation: operationOf(method, key, query), key, query, headers, body };
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  if (key === "") {
    if (method !== "GET") return "HeadBucket";
    return query.has("uploads") ? "ListMultipartUploads" : "ListObjectsV2";
  }
  const isUpload = query.has("uploadId");
  switch (method) {
    case "POST":
      return isUpload ? "CompleteMultipartUpload" : "CreateMultipartUpload";
    case "PUT":
      return isUpload ? "UploadPart" : "PutObject";
    case "DELETE":
      return isUpload ? "AbortMultipartUpload" : "DeleteObject";
    case "HEAD":
      return "HeadObject";
    default:
      return isUpload ? "ListParts" : "GetObject";
  }
}

export function ranged({ bytes, etag }: StoredObject, headers: Headers): HttpAnswer {
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "");
  if (range === null) return { status: 200, headers: { etag }, body: bytes };
  const from = Number(range[1]);
  if (from >= bytes.length) return errorAnswer(416, "InvalidRange");
  const to = Math.min(range[2] === "" ? Infinity : Number(range[2]) + 1, bytes.length);
  const part = bytes.slice(from, to);
  const contentRange = `bytes ${from}-${to - 1}/${bytes.length}`;
  return { status: 206, headers: { etag, "content-range": contentRange }, body: part };
}

export function stored(bytes: Bytes): StoredObject {
  return { bytes, etag: `"${createHash("md5").update(bytes).digest("hex")}"` };
}

export function damaged(bytes: Bytes): Bytes {
  const changed = bytes.slice();
  changed[0] = (changed[0] ?? 0) ^ 1;
  return changed;
}

export function xmlAnswer(root: string, content: string): HttpAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${root}>`;
  return { status: 200, headers: { "content-type": "application/xml" }, body };
}

export function errorAnswer(status: number, code: string): HttpAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code>` +
    `<Message>about ${code}</Message><RequestId>1</RequestId></Error>`;
  return { status, headers: { "content-type": "application/xml" }, body };
}
