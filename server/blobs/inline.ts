/**
 * Small blobs, kept in the catalog: bytes, name and row are committed together, and none of them needs a file, a sync
 * or a rename of its own.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { StagedBlob } from "./blob_store.ts";

/** The longest, in bytes: less than a chunk, so that it comes in one piece and is not resumed. */
export const MAX_INLINE = 256 * 1024;

/** Bytes in memory until they are committed with their row. */
export class InlineBlob implements StagedBlob {
  readonly path: string;
  #content: Bytes | undefined;

  /** `size`: in bytes, up to {@link MAX_INLINE}. */
  constructor(path: string, size: number) {
    this.path = path;
    this.#content = new Uint8Array(size);
  }

  /** `undefined` when it is committed or discarded. */
  get content(): Bytes | undefined {
    return this.#content;
  }

  write(_: Bytes): Promise<void> {
    return Promise.reject(new Error("Cannot append: the size of a small blob is known"));
  }

  writeAt(offset: number, bytes: Bytes): Promise<void> {
    this.#content?.set(bytes, offset);
    return Promise.resolve();
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  seal(): Promise<void> {
    return Promise.resolve();
  }

  leave(_: number): Promise<void> {
    return Promise.reject(new Error("Cannot leave a small blob: it is sent again instead"));
  }

  commit(_: string): Promise<void> {
    return this.discard();
  }

  discard(): Promise<void> {
    this.#content = undefined;
    return Promise.resolve();
  }
}
