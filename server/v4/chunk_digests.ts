/**
 * The digests of a file's chunks, one page at a time. A connection keeps only one page while its client does not read.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import {
  CHUNK_SIZE,
  chunkCount,
  chunkSize,
  DIGEST_SIZE,
  digestChunk,
} from "../../protocol/v4/merkle_tree.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { StoredFile } from "../catalog/files.ts";
import { CHUNKS_PAGE } from "../catalog/bounds.ts";

export class StoredDigests {
  readonly #catalog: { readonly files: Pick<Catalog["files"], "chunkDigests"> };
  readonly #file: Pick<StoredFile, "content" | "size">;
  #page: Bytes;
  /** The offset of the page, in bytes of all digests. */
  #begin = 0;

  /** `first`: the page that the catalog returned with the file. */
  constructor(
    catalog: { readonly files: Pick<Catalog["files"], "chunkDigests"> },
    file: Pick<StoredFile, "content" | "size">,
    first: Bytes,
  ) {
    this.#catalog = catalog;
    this.#file = file;
    this.#page = first;
  }

  /** All pages in order; `undefined` for a page that no longer exists. */
  async *pages(): AsyncGenerator<Bytes | undefined, void, void> {
    const size = chunkCount(this.#file.size) * DIGEST_SIZE;
    for (let at = 0; at < size; at += CHUNKS_PAGE) {
      yield await this.#at(at) ? this.#page : undefined;
    }
  }

  /**
   * Whether a chunk matches its digest. Returns `true` if the file was removed in the meantime: the client verifies the
   * chunk anyway.
   */
  async isIntact(offset: number, chunk: Bytes): Promise<boolean> {
    const index = offset / CHUNK_SIZE;
    if (chunk.length !== chunkSize(this.#file.size, index)) return false;
    if (!(await this.#at(index * DIGEST_SIZE))) return true;
    const at = index * DIGEST_SIZE - this.#begin;
    return equalBytes(digestChunk(chunk), this.#page.subarray(at, at + DIGEST_SIZE));
  }

  /** Loads the page that contains a digest. Returns `false` if it no longer exists. */
  async #at(position: number): Promise<boolean> {
    const begin = position - position % CHUNKS_PAGE;
    if (begin === this.#begin) return true;
    const page = await this.#catalog.files.chunkDigests(this.#file.content.id, begin);
    if (page === undefined) return false;
    this.#page = page;
    this.#begin = begin;
    return true;
  }
}
