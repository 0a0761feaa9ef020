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

/** A catalog that can tell what is wrong with itself: a capability, which a caller asks for. */
export interface SelfChecking {
  /** What the database finds wrong with itself; empty if nothing. */
  faults(): Promise<string[]>;
}

export function isSelfChecking(catalog: Catalog): catalog is Catalog & SelfChecking {
  return "faults" in catalog;
}
