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

export interface Aggregates {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly files: Files;
  readonly uploads: PartialUploadRows;
  readonly blobs: BlobReferences;
  readonly repairs: Repairs;
}

export interface Catalog extends Aggregates, AsyncDisposable {}

/** A capability that a caller asks for: a catalog that can tell what is wrong with it. */
export interface SelfChecking {
  /** What the database finds wrong with itself; empty if nothing. */
  faults(): Promise<string[]>;
}

export function isSelfChecking(catalog: Catalog): catalog is Catalog & SelfChecking {
  return "faults" in catalog;
}

/** A capability that a caller asks for: a catalog that can be copied whole, as it is at one moment. */
export interface Snapshotting {
  /** Copies all but what is under way into a catalog at `path`, where there is nothing, or an empty file. */
  snapshotTo(path: string): Promise<CatalogSnapshot>;
}

export interface CatalogSnapshot extends Catalog {
  /** Makes one file of it, which can be read where nothing can be written. It is closed next. */
  finish(): Promise<void>;
}

export function isSnapshotting(catalog: Catalog): catalog is Catalog & Snapshotting {
  return "snapshotTo" in catalog;
}
