/**
 * Copies of whole catalogs, from one database to another: pages of rows, as of one moment.
 *
 * @module
 */
import type { BlobId, BlobToCopy } from "../blobs/blob_store.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { Catalog } from "./catalog.ts";
import type { PartialUpload } from "./partial_uploads.ts";
import type { Row } from "./rows.ts";

/**
 * The tables of a copy and their columns: everything except work in progress. A table comes after those that it refers to,
 * its rows in the order in which they were added. The content of a small file and the digests of chunks are columns of its
 * row.
 */
export const COPIED_COLUMNS = {
  clients: [
    ...["id", "name", "public_key", "first_seen", "last_seen", "edition", "habits", "disabled"],
    ...["quota_bytes", "quota_files", "access"],
  ],
  keys: ["client_id", "key", "added_at"],
  files: [
    ...["client_id", "name", "given", "version", "current", "kind", "mode", "path", "size", "crc"],
    ...["stored_at", "ended_at", "stored_by", "verified", "mtime", "mtime_ns", "digest"],
    ...["confirmed_at", "damage", "chunks", "content"],
  ],
  tokens: ["hash", "client_id", "label", "uses_left", "used", "expires_at", "made_at"],
} as const;

export type CopiedTable = keyof typeof COPIED_COLUMNS;

export const COPIED_TABLES = Object.keys(COPIED_COLUMNS) as CopiedTable[];

/** The size, in bytes, at which a page of rows ends. Each row can contain a small file. */
export const COPIED_AT_ONCE = 1024 * 1024;

/** A page of rows. */
export interface TablePage {
  readonly table: CopiedTable;
  readonly rows: readonly Row[];
}

/** A capability: a catalog whose rows can be read as of one moment. */
export interface Dumping {
  /**
   * Calls `each` with all rows, page by page, and waits for it. If the connection to the database breaks, it begins again
   * after `restart`.
   */
  dump(each: (page: TablePage) => Promise<void>, restart?: () => Promise<void>): Promise<void>;
}

/** The catalog to fill another one with. */
export interface Filling {
  readonly from: Dumping;
  /** The id of the copy of a blob, which exists. */
  readonly idOf: (blob: BlobToCopy) => BlobId;
  /** Shared values to set, by name. */
  readonly values: ReadonlyMap<string, Bytes>;
  /** Partial uploads whose bytes were copied; none by default. Called again if the transaction runs again. */
  readonly uploads?: () => AsyncIterable<PartialUpload>;
}

/** A capability: a shared catalog that can become a copy of another one. */
export interface Fillable {
  /**
   * Throws `ConfigurationError` `target-not-empty` if the catalog has accounts or tokens, `catalog-in-use` if servers are
   * running.
   */
  refuseFilling(): Promise<void>;
  /** The names of the servers that are running. */
  running(): Promise<string[]>;
  /** Reserves blobs of a copy, as `BlobReferences.reserve` does for one. */
  reserveAll(ids: readonly BlobId[]): Promise<void>;
  /**
   * Copies all rows in one transaction. All blobs of the copy must have been reserved. Throws as `refuseFilling` does, and
   * `StorageError` `copy-swept` if a server has meanwhile deleted some of them.
   */
  fill(filling: Filling): Promise<void>;
}

/** Whether the rows of a catalog can be read as of one moment. */
export function isDumping<C extends Catalog>(catalog: C): catalog is C & Dumping {
  return "dump" in catalog;
}

/** Whether a catalog can become a copy of another one. */
export function isFillable<C extends Catalog>(catalog: C): catalog is C & Fillable {
  return "fill" in catalog;
}
