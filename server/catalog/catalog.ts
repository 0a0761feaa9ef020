/**
 * What the server knows of accounts and their files. Each method is one transaction: when its promise resolves, its
 * changes are on disk.
 *
 * @module
 */
import type { Accounts } from "./accounts.ts";
import type { BlobReferences } from "./blob_references.ts";
import type { Files } from "./files.ts";
import type { PartialUploadRows } from "./partial_uploads.ts";
import type { Repairs } from "./repairs.ts";
import type { Tokens } from "./tokens.ts";

/** What a catalog consists of. */
export interface Aggregates {
  /** Accounts and their keys. */
  readonly accounts: Accounts;
  /** Invitations and links. */
  readonly tokens: Tokens;
  /** Files and their versions. */
  readonly files: Files;
  /** Partial uploads. */
  readonly uploads: PartialUploadRows;
  /** References to blobs, and garbage. */
  readonly blobs: BlobReferences;
  /** Repairs under way. */
  readonly repairs: Repairs;
}

/**
 * Everything that a server knows of accounts and files. Every implementation passes the suite of
 * `tests/server/catalog/suite/`. Disposing it closes it.
 */
export interface Catalog extends Aggregates, AsyncDisposable {}

/** A capability that a caller asks for: a catalog that can tell what is wrong with it. */
export interface SelfChecking {
  /** What the database finds wrong with itself; empty if nothing. */
  faults(): Promise<string[]>;
}

/** Whether a catalog can check itself. */
export function isSelfChecking(catalog: Catalog): catalog is Catalog & SelfChecking {
  return "faults" in catalog;
}

/** A capability that a caller asks for: a catalog that can be copied whole, as it is at one moment. */
export interface Snapshotting {
  /** Copies all but what is under way into a catalog at `path`, where there is nothing, or an empty file. */
  snapshotTo(path: string): Promise<CatalogSnapshot>;
}

/** A copy of a catalog, being made. */
export interface CatalogSnapshot extends Catalog {
  /** Makes one file of it, which can be read where nothing can be written. It is closed next. */
  finish(): Promise<void>;
}

/** Whether a catalog can be copied whole. */
export function isSnapshotting(catalog: Catalog): catalog is Catalog & Snapshotting {
  return "snapshotTo" in catalog;
}
