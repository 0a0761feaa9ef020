import type { BlobId, UploadId } from "../../../server/blobs/blob_store.ts";

/** Creates an id like a store's, for catalogs, to which it is any text. */
export function blobId(text: string): BlobId {
  return text as BlobId;
}

export function uploadId(text: string): UploadId {
  return text as UploadId;
}
