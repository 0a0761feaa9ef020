/**
 * Errors that refuse a request. docs/protocol-4.md, "Errors" lists their codes.
 *
 * @module
 */
import type { ContentSums } from "../../protocol/v4/content_sums.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import type { CatalogRefusal, RefusalReason } from "../catalog/refusal.ts";

export type RequestErrorCode =
  | "not-authenticated"
  | "name-taken"
  | "bad-user-name"
  | "registration-closed"
  | "bad-token"
  | "account-disabled"
  | "not-allowed"
  | "no-such-account"
  | "bad-file-name"
  | "other-form"
  | "bad-entry"
  | "no-such-file"
  | "file-exists"
  | "file-changed"
  | "not-empty"
  | "no-such-transfer"
  | "over-limit"
  | "cannot-store"
  | "unavailable"
  | "damaged"
  | "bad-frame";

/** The most characters of a message. With a name of the client's in it, the message must still fit into a frame. */
const MAX_MESSAGE = 1000;

export class RequestError extends Error {
  readonly code: RequestErrorCode;

  constructor(code: RequestErrorCode, message: string) {
    super(message.slice(0, MAX_MESSAGE));
    this.code = code;
  }
}

/** The content of an upload has other sums than the client has sent with it. */
export class ContentMismatch extends Error {
  /** The sums of the received content. */
  readonly found: ContentSums;

  constructor(found: ContentSums) {
    super("the received content has other sums than the sent one");
    this.found = found;
  }
}

const CODES: Readonly<Record<RefusalReason, RequestErrorCode>> = {
  "quota-bytes": "over-limit",
  "quota-files": "over-limit",
  "name-conflict": "bad-file-name",
  "other-form": "other-form",
  "below-itself": "bad-file-name",
  "name-too-long": "bad-file-name",
  "account-disabled": "account-disabled",
  "other-protocol": "cannot-store",
  "read-only": "not-allowed",
  "append-only": "not-allowed",
};

/** The error for a client when the catalog refuses a file. */
export function toRefusal({ reason, message }: CatalogRefusal): RequestError {
  return new RequestError(CODES[reason], message);
}

/** The error for a client while a store does not answer. */
export function unavailable(): RequestError {
  return new RequestError("unavailable", "its database or object store does not answer");
}

/** Throws `RequestError` `bad-file-name`. */
export function checkFileName(name: string): void {
  const fault = pathNameFault(name);
  if (fault !== undefined) throw new RequestError("bad-file-name", `the name ${fault}`);
}
