/**
 * The errors that clients get for requests that failed, or for records of them.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { ProtocolError, UnavailableError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { MessageKind } from "../../protocol/v4/messages.ts";
import { CatalogRefusal } from "../catalog/refusal.ts";
import type { AccessMethod } from "../limits/access.ts";
import { LimitError } from "../limits/limits.ts";
import { reportAccess, type RequestContext, SendError } from "./request_context.ts";
import {
  ContentMismatch,
  RequestError,
  type RequestErrorCode,
  toRefusal,
  unavailable,
} from "./request_error.ts";

/** The error code of a failed transfer, for its count. */
export function failureCode(error: unknown): string {
  if (error instanceof ContentMismatch) return "mismatch";
  if (error instanceof RequestError) return error.code;
  if (error instanceof CatalogRefusal) return toRefusal(error).code;
  if (error instanceof LimitError) return "over-limit";
  if (error instanceof SendError) return "interrupted";
  if (error instanceof ProtocolError) return "bad-frame";
  return error instanceof UnavailableError ? "unavailable" : "cannot-store";
}

/** The request that has failed. */
export interface FailedRequest {
  /** Its kind, such as `put`. */
  readonly kind: MessageKind;
  /** The name of the file, if it is about one. */
  readonly name?: string | undefined;
}

/** Clients often ask for files that may not exist. */
const EXPECTED: readonly RequestErrorCode[] = ["no-such-file", "no-such-transfer", "file-changed"];

/** Reports failed uses of files, for an access log. `kind`: what was requested. */
export function reportFailures(
  session: RequestContext,
  kind: MessageKind,
  names: readonly string[],
  code: string,
): void {
  const method = METHODS[kind];
  if (method === undefined) return;
  for (const name of names) reportAccess(session, { method, name, bytes: 0, code });
}

/** The use of its files by each request, for an access log. */
const METHODS: Readonly<Partial<Record<MessageKind, AccessMethod>>> = {
  ...{ get: "get", put: "put", remove: "remove", rename: "rename", restore: "restore" },
  ...{ pack: "put", fetch: "get" },
};

/** Explains why a request failed, and logs it where that is needed. */
export function explainFailure(
  { context, owner }: RequestContext,
  error: unknown,
  request?: FailedRequest,
): RequestError {
  const { log, limitLog } = context;
  const { address, accountId, name: user } = owner;
  const file = request?.name === undefined ? undefined : printable(request.name);
  const where = { client: toHex(accountId), user, address };
  if (error instanceof LimitError) {
    limitLog.report(error, { ...where, file });
    return new RequestError("over-limit", error.message);
  }
  const what = file === undefined ? "a request" : "to {request} {file}";
  const subject = {
    ...(request === undefined ? { request: "protocol 4" } : { request: request.kind }),
    ...(file === undefined ? {} : { file }),
  };
  if (error instanceof CatalogRefusal || error instanceof RequestError) {
    const refusal = error instanceof RequestError ? error : toRefusal(error);
    // Clients look whether a name is free before they upload: that is an answer, and refuses nothing.
    if (request?.kind === "stat" && refusal.code === "no-such-file") return refusal;
    const level = EXPECTED.includes(refusal.code) ? "debug" : "info";
    log[level](`Refused ${what} for {user} from {address}: {reason}`, {
      event: "request.refused",
      ...{ ...subject, ...where },
      ...{ code: refusal.code, reason: printable(refusal.message) },
    });
    return refusal;
  }
  const failed = file === undefined ? "answer a request" : "{request} {file}";
  log.error(`Could not ${failed} for {user} from {address}: {reason}`, {
    event: "request.failed",
    ...{ ...subject, ...where, reason: printable(String(error)) },
  });
  if (error instanceof UnavailableError) return unavailable();
  return new RequestError(
    "cannot-store",
    "the server could not complete the request: disk full or I/O error",
  );
}
