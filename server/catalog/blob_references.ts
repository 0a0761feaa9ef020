/**
 * References to blobs: which are someone's, and which are garbage. A transaction that takes away the last reference to a
 * blob lists it as garbage and returns its id; it stays listed until it is deleted.
 *
 * @module
 */

import type { BlobId, UploadId } from "../blobs/blob_store.ts";

/** What refers to a blob or an upload. */
export type BlobOwner = "file" | "upload" | "garbage";

/** References of a catalog to blobs and uploads. Each method is one transaction. */
export interface BlobReferences {
  /**
   * Lists a blob as garbage before it is made, until a commit refers to it: a crash in between leaves nothing behind that
   * the next start would not collect.
   */
  reserve(id: BlobId): Promise<void>;
  /** What refers to a blob or an upload, if anything does. */
  owner(id: BlobId | UploadId): Promise<BlobOwner | undefined>;
  /** Up to `limit` ids that are listed as garbage after one, by id: `undefined` begins. */
  garbage(after: BlobId | UploadId | undefined, limit: number): Promise<(BlobId | UploadId)[]>;
  /** Takes blobs that have been deleted off the list. */
  collected(ids: readonly (BlobId | UploadId)[]): Promise<void>;
}
