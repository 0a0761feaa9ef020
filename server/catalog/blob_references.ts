/**
 * References to blobs. A transaction that removes the last reference to a blob lists it as garbage and returns its id.
 * The blob stays listed until it is deleted.
 *
 * @module
 */

import type { BlobId, UploadId } from "../blobs/blob_store.ts";

/** The kind of reference to a blob or an upload. */
export type BlobOwner = "file" | "upload" | "garbage";

/** References of a catalog to blobs and uploads. Each method is one transaction. */
export interface BlobReferences {
  /**
   * Lists a blob as garbage before it is created. A commit removes it from the list. After a crash in between, the next
   * start deletes it. A blob that a server had reserved which was removed since is reserved for this one. Garbage stays
   * garbage: where servers share the catalog, this throws `UnavailableError` then, because one of them may be deleting it.
   */
  reserve(id: BlobId): Promise<void>;
  /** The kind of reference to a blob or an upload, if there is one. */
  owner(id: BlobId | UploadId): Promise<BlobOwner | undefined>;
  /**
   * At most `limit` ids of garbage after `after`, by id. `undefined` begins. `unreserved`: without blobs that are reserved.
   * While uploads are in progress, only these can be deleted.
   */
  garbage(
    after: BlobId | UploadId | undefined,
    limit: number,
    which?: "all" | "unreserved",
  ): Promise<(BlobId | UploadId)[]>;
  /** Removes deleted blobs from the list. */
  collected(ids: readonly (BlobId | UploadId)[]): Promise<void>;
}
