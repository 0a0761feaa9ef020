/**
 * The digest and the checksum of a small content, computed where it lies in a buffer.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../bytes.ts";
import { cksum } from "../crc/cksum.ts";
import { digestInPlace } from "./merkle_tree.ts";

/** Checksum and digest of a content of at most one chunk. */
export interface ContentSums {
  /** POSIX cksum. */
  readonly cksum: number;
  /** The digest of the content as a file, 32 bytes. */
  readonly digest: Bytes;
}

/**
 * The sums of `buffer[from..to)`, at most one chunk. `from` must be at least 1: the byte before is changed meanwhile,
 * which saves a copy. `digest`: where to write that; default a new array.
 */
export function sumsInPlace(
  buffer: Bytes,
  from: number,
  to: number,
  digest?: Bytes,
): ContentSums {
  return {
    cksum: cksum(buffer.subarray(from, to)),
    digest: digestInPlace(buffer, from, to, digest),
  };
}

/** Whether two pairs of sums are equal. */
export function areSameSums(a: ContentSums, b: ContentSums): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}
