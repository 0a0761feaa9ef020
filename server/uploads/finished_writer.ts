/**
 * A blob that was finished before its checksum was confirmed, perhaps by another server.
 *
 * @module
 */
import type { BlobId, BlobWriter, UploadId } from "../blobs/blob_store.ts";

/** An upload that only has to be committed. To discard it, pass its blob to the garbage collector. */
export class FinishedWriter implements BlobWriter {
  readonly blobId: BlobId;

  constructor(id: BlobId) {
    this.blobId = id;
  }

  /** An id that no upload in a blob store has. */
  get uploadId(): UploadId {
    return this.blobId as string as UploadId;
  }

  write(): Promise<void> {
    return Promise.reject(new Error("cannot write: the blob is finished"));
  }

  checkpoint(upTo: number): Promise<number> {
    return Promise.resolve(upTo);
  }

  suspend(upTo: number): Promise<number> {
    return Promise.resolve(upTo);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  abort(): Promise<void> {
    return Promise.resolve();
  }
}
