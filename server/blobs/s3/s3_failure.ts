/**
 * Answers of an object store that are not successes.
 *
 * Source: Amazon S3, "Error responses".
 *
 * @module
 */
import { StorageError, XferError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { retryAfterMs } from "../../retry_after.ts";
import { TransientFailure } from "./backoff.ts";
import { textOf } from "./xml.ts";

/** Statuses after which the same request may succeed. */
const TRANSIENT_STATUSES: readonly number[] = [408, 429, 500, 502, 503, 504];
/** The same by the code in the answer, whose status can be 200, 400 or 409. */
const TRANSIENT_CODES: readonly string[] = [
  ...["BadDigest", "XAmzContentSHA256Mismatch"], // damaged on the way
  ...["IncompleteBody", "RequestTimeout"],
  ...["InternalError", "OperationAborted", "ServiceUnavailable", "SlowDown"],
];
/** The words of Swift, with the code `InvalidRequest`, about a part that it could not read for a moment. */
const UNREAD_PART = /: 5\d\d /;
/** The codes of missing objects and uploads. HEAD has no code. */
const MISSING_CODES: readonly string[] = ["", "NoSuchKey", "NoSuchUpload"];

const HINTS: Readonly<Record<string, string>> = {
  AccessDenied: "Give the access key the rights that docs/object-store.md lists.",
  AuthorizationHeaderMalformed: "Set the bucket's region with --s3-region.",
  InvalidAccessKeyId: "Check AWS_ACCESS_KEY_ID.",
  NoSuchBucket: "Create the bucket, or correct its name in --blobs.",
  PermanentRedirect: "Set the bucket's region with --s3-region.",
  RequestTimeTooSkewed: "Set the clock of this machine.",
  SignatureDoesNotMatch: "Check AWS_SECRET_ACCESS_KEY.",
};

/** The most characters of a store's message that are shown. */
const MAX_WORDS = 200;

/** The store refused a request for good. */
export class S3Refusal extends Error {
  readonly status: number;
  /** The store's code, or the empty string. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "S3Refusal";
    this.status = status;
    this.code = code;
  }

  /** Whether the object or the upload does not exist. */
  get isMissing(): boolean {
    return this.status === 404 && MISSING_CODES.includes(this.code);
  }
}

/**
 * The failure in an answer; `undefined` for a success. `text`: the body, if it is XML. `now`: milliseconds since the
 * epoch.
 */
export function failureIn(
  { status, headers }: Pick<Response, "status" | "headers">,
  text: string,
  now = Date.now(),
): TransientFailure | S3Refusal | undefined {
  const isSuccess = status >= 200 && status < 300;
  // The answer to a long request can begin with 200 before the request fails.
  if (isSuccess && !/^\s*(?:<\?xml[^>]*>\s*)?<Error>/.test(text)) return undefined;
  const code = shown(textOf(text, "Code") ?? (isRedirect(status) ? "PermanentRedirect" : ""));
  const words = shown(textOf(text, "Message") ?? "");
  const message = [String(status), code, words].filter((part) => part !== "").join(" ");
  if (!isTransient(status, code, words)) return new S3Refusal(status, code, message);
  return new TransientFailure(`it answered ${message}`, {
    retryAfterMs: retryAfterMs(headers, now),
  });
}

/** What the callers of a store see of a failure: an error of xfer. `doing`: "read" or "write to". */
export function explained(error: unknown, doing: string): unknown {
  if (error instanceof XferError || !(error instanceof S3Refusal)) return error;
  const hint = HINTS[error.code];
  return new StorageError(
    "object-store-refused",
    `cannot ${doing} the bucket: the object store answered ${error.message}`,
    { ...(hint === undefined ? {} : { hint }), cause: error },
  );
}

function shown(text: string): string {
  return printable(text.slice(0, MAX_WORDS));
}

function isTransient(status: number, code: string, words: string): boolean {
  return TRANSIENT_STATUSES.includes(status) || TRANSIENT_CODES.includes(code) ||
    (code === "InvalidRequest" && UNREAD_PART.test(words));
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}
