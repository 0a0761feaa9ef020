/**
 * The errors that clients get for requests that failed, or for records of them.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { ProtocolError, UnavailableError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { CatalogRefusal } from "../catalog/refusal.ts";
import { LimitError } from "../limits/limits.ts";
import { type RequestContext, SendError } from "./request_context.ts";
import { ContentMismatch, RequestError, toRefusal, unavailable } from "./request_error.ts";

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

/** Explains why a request failed, and logs it where that is needed. */
export function explainFailure({ context, owner }: RequestContext, error: unknown): RequestError {
  const { log, limitLog } = context;
  const { address, accountId, name: user } = owner;
  if (error instanceof LimitError) {
    limitLog.report(error, address);
    return new RequestError("over-limit", error.message);
  }
  if (error instanceof CatalogRefusal || error instanceof RequestError) {
    const refusal = error instanceof RequestError ? error : toRefusal(error);
    // Clients often ask for files that may not exist.
    log.debug("Refused a request of {user} from {address}: {reason}", {
      event: "request.refused",
      ...{ client: toHex(accountId), user, address },
      ...{ code: refusal.code, reason: printable(refusal.message) },
    });
    return refusal;
  }
  log.error("Could not answer a request of {user} from {address}: {reason}", {
    event: "request.failed",
    ...{ request: "protocol 4", user, address, reason: printable(String(error)) },
  });
  if (error instanceof UnavailableError) return unavailable();
  return new RequestError(
    "cannot-store",
    "the server could not complete the request: disk full or I/O error",
  );
}
