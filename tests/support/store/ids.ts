import type { BlobId, UploadId } from "../../../server/blobs/blob_store.ts";

/** An id as only its store makes one: for catalogs, to which it is any text. */
export function blobId(text: string): BlobId {
  return text as BlobId;
}

export function uploadId(text: string): UploadId {
  return text as UploadId;
}
