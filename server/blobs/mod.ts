/**
 * Where contents of files are kept: the interface of a blob store, for those who keep them elsewhere than on this disk.
 *
 * @module
 */
export {
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobWriter,
  type CreateOptions,
  hasQuarantine,
  type Quarantine,
  type ReadOptions,
  type ReopenOptions,
  type UploadId,
} from "./blob_store.ts";
