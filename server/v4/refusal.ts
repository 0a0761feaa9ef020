/**
 * Why a request is not done, as docs/protocol-4.md, "Errors" lists the codes.
 *
 * @module
 */
export type RefusalCode =
  | "not-authenticated"
  | "name-taken"
  | "bad-user-name"
  | "bad-file-name"
  | "no-such-file"
  | "file-exists"
  | "over-limit"
  | "cannot-store"
  | "damaged"
  | "bad-frame";

export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}
