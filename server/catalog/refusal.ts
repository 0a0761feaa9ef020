/**
 * Refusals of the catalog.
 *
 * @module
 */

/** The reasons why a catalog refuses a file. */
export const REFUSAL_REASONS = [
  "quota-bytes",
  "quota-files",
  "name-conflict",
  "other-form",
  "below-itself",
  "name-too-long",
  "account-disabled",
  "other-protocol",
  "read-only",
  "append-only",
] as const;

/** The reason why a catalog refuses a file. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The message of each reason. */
const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  "quota-bytes": "the account has no quota left (bytes)",
  "quota-files": "the account has no quota left (files)",
  "name-conflict": "its name is also a folder, or one of its folders is a file",
  "other-form": "its name is stored in another Unicode form",
  "below-itself": "the new name of a folder is below the folder itself",
  "name-too-long": "the new name of something below is too long",
  "account-disabled": "the account is disabled",
  "other-protocol": "the account has moved to protocol 4",
  "read-only": "the account may not store files",
  "append-only": "its name is taken, and the account may not change stored files",
};

/** A quota that a change would exceed, in bytes or files. */
export interface ExceededQuota {
  /** The amount that the account would use. */
  readonly total: number;
  /** The amount that it may use. */
  readonly quota: number;
}

/** A catalog refuses a file. */
export class CatalogRefusal extends Error {
  /** The reason. */
  readonly reason: RefusalReason;
  /** For the reasons `quota-bytes` and `quota-files`. */
  readonly exceeded: ExceededQuota | undefined;

  /** The message depends on `reason`. */
  constructor(reason: RefusalReason, exceeded?: ExceededQuota) {
    super(`cannot store the file: ${REFUSALS[reason]}`);
    this.reason = reason;
    this.exceeded = exceeded;
  }
}
