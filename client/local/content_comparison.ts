/**
 * Compares small files with what the server has, without a wait for each.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { digestInPlace } from "../../protocol/v4/merkle_tree.ts";

/** Compares files of at most a given size, one after another, in one buffer. */
export class ContentComparison {
  readonly #buffer: Bytes;

  constructor(maxSize: number) {
    // The digest needs one byte before the content. One byte after it shows that a file is longer than expected.
    this.#buffer = new Uint8Array(1 + maxSize + 1);
  }

  /** Whether a file has a content of this size and digest. One that cannot be read has not. */
  isSame(
    path: string,
    { size, digest }: { readonly size: number; readonly digest: Bytes },
  ): boolean {
    try {
      using file = Deno.openSync(path);
      const end = this.#fill(file, 1 + size + 1);
      return end === 1 + size && equalBytes(digestInPlace(this.#buffer, 1, end), digest);
    } catch {
      return false;
    }
  }

  /** Reads up to an offset of the buffer. Returns where the content ends. */
  #fill(file: Deno.FsFile, max: number): number {
    let end = 1;
    while (end < max) {
      const read = file.readSync(this.#buffer.subarray(end, max));
      if (read === null) break;
      end += read;
    }
    return end;
  }
}
