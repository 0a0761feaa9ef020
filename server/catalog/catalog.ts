/**
 * The catalog of accounts and files. Each method is one transaction. When its promise resolves, its changes are on
 * disk.
 *
 * @module
 */
import type { Accounts } from "./accounts.ts";
import type { BlobReferences } from "./blob_references.ts";
import type { CheckRounds } from "./check_rounds.ts";
import type { Files } from "./files.ts";
import type { HookQueue } from "./hook_queue.ts";
import type { PackedFiles } from "./packs.ts";
import type { PartialUploadRows } from "./partial_uploads.ts";
import type { Repairs } from "./repairs.ts";
import type { Tokens } from "./tokens.ts";

/** The parts of a catalog. */
export interface Aggregates {
  /** Accounts and their keys. */
  readonly accounts: Accounts;
  /** Invitations and link tokens. */
  readonly tokens: Tokens;
  /** Files and their versions, one by one and in packs. */
  readonly files: Files & PackedFiles;
  /** Partial uploads. */
  readonly uploads: PartialUploadRows;
  /** References to blobs, and garbage. */
  readonly blobs: BlobReferences;
  /** Repairs in progress. */
  readonly repairs: Repairs;
  /** Rounds of the background check. */
  readonly checks: CheckRounds;
  /** Events for a receiver. */
  readonly hooks: HookQueue;
}

/**
 * A catalog of accounts and files. Every implementation passes the suite of `tests/server/catalog/suite/`. Disposing of
 * it closes it.
 */
export interface Catalog extends Aggregates, AsyncDisposable {}

/** A capability: a catalog that tells how busy it is. */
export interface Queueing {
  /** The number of calls, or of transactions, that wait for the database. */
  waiting(): number;
}

/** Whether a catalog tells how busy it is. */
export function isQueueing(catalog: Catalog): catalog is Catalog & Queueing {
  return "waiting" in catalog;
}

/** A capability: a catalog that can check itself. */
export interface SelfChecking {
  /** The faults that the database finds in itself; empty if none. */
  faults(): Promise<string[]>;
}

/** Whether a catalog can check itself. */
export function isSelfChecking(catalog: Catalog): catalog is Catalog & SelfChecking {
  return "faults" in catalog;
}
