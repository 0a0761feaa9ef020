/**
 * The interface of a blob store, for stores other than the disk.
 *
 * @module
 */
export {
  type BlobCopying,
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobToCopy,
  type BlobWriter,
  canCopy,
  type CreateOptions,
  hasQuarantine,
  type Quarantine,
  type ReadOptions,
  type ReopenOptions,
  type UploadId,
} from "./blob_store.ts";
