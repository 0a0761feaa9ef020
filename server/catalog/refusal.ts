/**
 * Why the catalog refuses a file.
 *
 * @module
 */

/** Why a catalog refuses a file. */
export type RefusalReason =
  | "quota-bytes"
  | "quota-files"
  | "name-conflict"
  | "account-disabled"
  | "other-protocol";

/** What each reason says. */
const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  "quota-bytes": "its owner may not have more bytes",
  "quota-files": "its owner may not have more files",
  "name-conflict": "its name is a folder of another file, or has a file for a folder",
  "account-disabled": "the account of its owner is disabled",
  "other-protocol": "the account of its owner has gone over to protocol 4",
};

/** A catalog refuses a file. */
export class CatalogRefusal extends Error {
  /** Why. */
  readonly reason: RefusalReason;

  /** `reason` decides the message. */
  constructor(reason: RefusalReason) {
    super(`Cannot store the file: ${REFUSALS[reason]}`);
    this.reason = reason;
  }
}
