/**
 * A small upload in memory: the catalog keeps its bytes in the row of the file, committed with it.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { BlobId, BlobWriter, UploadId } from "../blobs/blob_store.ts";

/** The bytes are lost with the process, and nothing is resumed. */
export class InlineWriter implements BlobWriter {
  readonly blobId: BlobId;
  readonly #bytes: Bytes;
  #isOpen = true;

  /** `size`: the size of the file in bytes. */
  constructor(id: BlobId, size: number) {
    this.blobId = id;
    this.#bytes = new Uint8Array(size);
  }

  /** No store knows it. */
  get uploadId(): UploadId {
    return this.blobId as string as UploadId;
  }

  /** What is committed. */
  get bytes(): Bytes {
    return this.#bytes;
  }

  write(offset: number, bytes: Bytes): Promise<void> {
    if (!this.#isOpen) return Promise.reject(new Error("Cannot write: the upload has ended"));
    this.#bytes.set(bytes, offset);
    return Promise.resolve();
  }

  checkpoint(): Promise<number> {
    return Promise.resolve(0);
  }

  suspend(): Promise<number> {
    this.#isOpen = false;
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return this.close();
  }

  abort(): Promise<void> {
    return this.close();
  }
}
