/**
 * A small upload in memory. The catalog stores its bytes in the file's row.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { BlobId, BlobWriter, UploadId } from "../blobs/blob_store.ts";

/** The bytes are lost if the process ends, and the upload cannot be resumed. */
export class InlineWriter implements BlobWriter {
  readonly blobId: BlobId;
  readonly #bytes: Bytes;
  #size = 0;
  #isOpen = true;

  /** `size`: the most bytes of the file. */
  constructor(id: BlobId, size: number) {
    this.blobId = id;
    this.#bytes = new Uint8Array(size);
  }

  /** An id that no upload in a blob store has. */
  get uploadId(): UploadId {
    return this.blobId as string as UploadId;
  }

  /** The bytes to commit. */
  get bytes(): Bytes {
    const { length } = this.#bytes;
    // The catalog's thread gets a copy of the whole buffer.
    return this.#size === length ? this.#bytes : this.#bytes.slice(0, this.#size);
  }

  write(offset: number, bytes: Bytes): Promise<void> {
    if (!this.#isOpen) return Promise.reject(new Error("cannot write: the upload has ended"));
    this.#bytes.set(bytes, offset);
    this.#size = Math.max(this.#size, offset + bytes.length);
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
