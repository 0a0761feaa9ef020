/**
 * An S3 server in memory with one bucket, and faults on demand. It follows the rules that tests/support/store/s3_checks.ts
 * tries at real servers too.
 */
import { createHash } from "node:crypto";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { elementsOf, escapeXml, textOf } from "../../../server/blobs/s3/xml.ts";
import { type Cut, type HttpAnswer, type HttpRequest, HttpServer } from "./http_server.ts";
import { signatureFault, type Signer } from "./s3_signature.ts";
import {
  BUCKET,
  damaged,
  errorAnswer,
  parseCall,
  ranged,
  type S3Call,
  type S3Operation,
  stored,
  type StoredObject,
  xmlAnswer,
} from "./s3_call.ts";

/** A fault that a request meets. */
export type S3Fault =
  /** An answer, without the work. */
  | HttpAnswer
  /** The connection is cut before the work, or after it, or in the middle of the answer's body. */
  | "cut"
  | "lose-answer"
  | "cut-body"
  /** A byte of the request's body changes on the way. */
  | "damage"
  /** Complete begins with 200, and fails. */
  | "error-in-200"
  | "slow-down";

export interface FakeS3Options {
  /** The smallest size of a part that is not the last, in bytes. */
  readonly minPartSize?: number;
  /** The most entries of a page. */
  readonly pageSize?: number;
  /** Whether the parts of a completed upload are still listed, as Swift does. */
  readonly listsCompleted?: boolean;
  readonly tls?: { readonly cert: string; readonly key: string };
}

interface Begun {
  readonly key: string;
  readonly parts: Map<number, StoredObject>;
}

export const SIGNER: Signer = {
  accessKeyId: "fake-key",
  secretAccessKey: "fake-secret",
  region: "fake-region-1",
};

export class FakeS3 implements AsyncDisposable {
  readonly signer = SIGNER;
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Begun>();
  /** The operations that have been requested, in order. */
  readonly calls: S3Operation[] = [];
  /** Decides for each request whether it meets a fault. */
  fault: (call: Pick<S3Call, "operation" | "key" | "query">) => S3Fault | undefined = () =>
    undefined;
  /** Answers wait for it. */
  gate: Promise<void> = Promise.resolve();
  /** The most requests at a time. */
  mostAtOnce = 0;
  #atOnce = 0;
  readonly #server: HttpServer;
  readonly #scheme: string;
  readonly #minPartSize: number;
  readonly #pageSize: number;
  readonly #completed: Map<string, Begun> | undefined;

  constructor(options: FakeS3Options = {}) {
    const { minPartSize = 5 * 1024 * 1024, pageSize = 1000, listsCompleted = false, tls } = options;
    if (listsCompleted) this.#completed = new Map();
    this.#minPartSize = minPartSize;
    this.#pageSize = pageSize;
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = new HttpServer((request) => this.#answer(request), tls);
  }

  /** `host`: the name that the certificate has. */
  bucketUrl(host = "127.0.0.1"): string {
    return `${this.#scheme}://${host}:${this.#server.port}/${BUCKET}`;
  }

  /** Meets the next requests of an operation with faults, one each. */
  failNext(operation: S3Operation, ...faults: readonly S3Fault[]): void {
    const left = [...faults];
    const before = this.fault;
    this.fault = (call) =>
      (call.operation === operation ? left.shift() : undefined) ?? before(call);
  }

  /** The number of requests of an operation. */
  count(operation: S3Operation): number {
    return this.calls.filter((each) => each === operation).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  async #answer(request: HttpRequest): Promise<HttpAnswer | Cut> {
    const call = parseCall(request);
    if (call === undefined) return errorAnswer(404, "NoSuchBucket");
    this.calls.push(call.operation);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    await this.gate;
    this.#atOnce--;
    const fault = this.fault(call);
    if (fault === "cut") return { cut: true };
    if (fault === "slow-down") return errorAnswer(503, "SlowDown");
    if (fault === "error-in-200") return { ...errorAnswer(200, "InternalError"), status: 200 };
    if (typeof fault === "object") return fault;
    const received = fault === "damage" ? { ...request, body: damaged(request.body) } : request;
    const code = signatureFault(received, SIGNER);
    if (code !== undefined) {
      return errorAnswer(code === "XAmzContentSHA256Mismatch" ? 400 : 403, code);
    }
    const md5 = request.headers.get("content-md5");
    if (md5 !== null && md5 !== createHash("md5").update(request.body).digest("base64")) {
      return errorAnswer(400, "BadDigest");
    }
    const answer = this.#work(call);
    if (fault === "lose-answer") return { cut: true };
    if (fault === "cut-body") {
      return { cut: true, answer, after: Math.floor((answer.body?.length ?? 0) / 2) };
    }
    return answer;
  }

  #work(call: S3Call): HttpAnswer {
    const { operation, key, query, body } = call;
    const storeId = query.get("uploadId") ?? "";
    const upload = this.uploads.get(storeId);
    const completed = this.#completed?.get(storeId);
    if (operation === "ListParts" && completed !== undefined) {
      return this.#listParts(completed, query);
    }
    if (NEEDS_UPLOAD.includes(operation) && upload?.key !== key) {
      return errorAnswer(404, "NoSuchUpload");
    }
    const object = this.objects.get(key);
    const part = Number(query.get("partNumber"));
    switch (operation) {
      case "HeadBucket":
        return { status: 200 };
      case "PutObject":
        this.objects.set(key, stored(body));
        return { status: 200, headers: { etag: stored(body).etag } };
      case "HeadObject":
      case "GetObject":
        return object === undefined ? errorAnswer(404, "NoSuchKey") : ranged(object, call.headers);
      case "DeleteObject":
        this.objects.delete(key);
        return { status: 204 };
      case "ListObjectsV2":
        return this.#listObjects(query);
      case "ListMultipartUploads":
        return this.#listUploads(query);
      case "CreateMultipartUpload": {
        const id = `${crypto.randomUUID()}&<~`; // to be escaped
        this.uploads.set(id, { key, parts: new Map() });
        return xmlAnswer("InitiateMultipartUploadResult", `<UploadId>${escapeXml(id)}</UploadId>`);
      }
      case "UploadPart":
        if (!(part >= 1 && part <= 10_000)) return errorAnswer(400, "InvalidArgument");
        upload?.parts.set(part, stored(body));
        return { status: 200, headers: { etag: stored(body).etag } };
      case "ListParts":
        return this.#listParts(upload as Begun, query);
      case "AbortMultipartUpload":
        this.uploads.delete(storeId);
        return { status: 204 };
      case "CompleteMultipartUpload":
        return this.#complete(storeId, upload as Begun, new TextDecoder().decode(body));
    }
  }

  #complete(storeId: string, { key, parts }: Begun, text: string): HttpAnswer {
    const named = elementsOf(text, "Part").map((part) => ({
      number: Number(textOf(part, "PartNumber")),
      etag: textOf(part, "ETag"),
    }));
    if (named.length === 0) return errorAnswer(400, "MalformedXML");
    const found = named.map(({ number }) => parts.get(number));
    if (found.some((part, i) => part === undefined || part.etag !== named[i]?.etag)) {
      return errorAnswer(400, "InvalidPart");
    }
    if (named.some(({ number }, i) => i > 0 && number <= (named[i - 1]?.number ?? 0))) {
      return errorAnswer(400, "InvalidPartOrder");
    }
    const contents = found.map((part) => part?.bytes as Bytes);
    if (contents.slice(0, -1).some(({ length }) => length < this.#minPartSize)) {
      return errorAnswer(400, "EntityTooSmall");
    }
    this.objects.set(key, stored(concatBytes(...contents)));
    this.uploads.delete(storeId);
    this.#completed?.set(storeId, { key, parts });
    return xmlAnswer("CompleteMultipartUploadResult", `<Key>${escapeXml(key)}</Key>`);
  }

  #listObjects(query: URLSearchParams): HttpAnswer {
    const after = query.get("continuation-token") ?? "";
    const keys = [...this.objects.keys()].sort()
      .filter((key) => key.startsWith(query.get("prefix") ?? "") && key > after);
    const { page, isTruncated } = this.#page(keys, query.get("max-keys"));
    const isEncoded = query.get("encoding-type") === "url";
    const shown = (key: string) => isEncoded ? encodeURIComponent(key) : escapeXml(key);
    const token = isTruncated
      ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? "")}</NextContinuationToken>`
      : "";
    return xmlAnswer(
      "ListBucketResult",
      `<IsTruncated>${isTruncated}</IsTruncated>${token}` +
        (isEncoded ? "<EncodingType>url</EncodingType>" : "") +
        page.map((key) =>
          `<Contents><Key>${shown(key)}</Key><Size>${
            this.objects.get(key)?.bytes.length
          }</Size></Contents>`
        ).join(""),
    );
  }

  #listUploads(query: URLSearchParams): HttpAnswer {
    const [keyMarker, idMarker] = [
      query.get("key-marker") ?? "",
      query.get("upload-id-marker") ?? "",
    ];
    const isAfter = ({ key, id }: { readonly key: string; readonly id: string }) =>
      key > keyMarker || (key === keyMarker && idMarker !== "" && id > idMarker);
    const all = [...this.uploads].map(([id, { key }]) => ({ key, id }))
      .sort((a, b) => a.key < b.key || (a.key === b.key && a.id < b.id) ? -1 : 1)
      .filter((upload) => upload.key.startsWith(query.get("prefix") ?? "") && isAfter(upload));
    const { page, isTruncated } = this.#page(all, query.get("max-uploads"));
    const last = page.at(-1);
    const next = isTruncated && last !== undefined
      ? `<NextKeyMarker>${escapeXml(last.key)}</NextKeyMarker>` +
        `<NextUploadIdMarker>${escapeXml(last.id)}</NextUploadIdMarker>`
      : "";
    return xmlAnswer(
      "ListMultipartUploadsResult",
      `<IsTruncated>${isTruncated}</IsTruncated>${next}` +
        page.map(({ key, id }) =>
          `<Upload><Key>${escapeXml(key)}</Key><UploadId>${escapeXml(id)}</UploadId></Upload>`
        ).join(""),
    );
  }

  #listParts({ parts }: Begun, query: URLSearchParams): HttpAnswer {
    const after = Number(query.get("part-number-marker") ?? 0);
    const all = [...parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
    const { page, isTruncated } = this.#page(all, query.get("max-parts"));
    const [last = 0] = page.at(-1) ?? [];
    return xmlAnswer(
      "ListPartsResult",
      `<NextPartNumberMarker>${last}</NextPartNumberMarker><IsTruncated>${isTruncated}</IsTruncated>` +
        page.map(([number, { bytes, etag }]) =>
          `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', "&quot;")}</ETag>` +
          `<Size>${bytes.length}</Size></Part>`
        ).join(""),
    );
  }

  #page<T>(all: readonly T[], asked: string | null) {
    const page = all.slice(0, Math.min(this.#pageSize, Number(asked ?? this.#pageSize)));
    return { page, isTruncated: page.length < all.length };
  }
}

const NEEDS_UPLOAD: readonly S3Operation[] = [
  ...["UploadPart", "ListParts", "AbortMultipartUpload", "CompleteMultipartUpload"] as const,
];
