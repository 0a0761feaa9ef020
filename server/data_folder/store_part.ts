/**
 * A part of all stored contents, so that several processes or machines can share a verification.
 *
 * @module
 */
import { cksum } from "../../protocol/crc/cksum.ts";
import type { BlobId } from "../blobs/blob_store.ts";

/** One of several parts, about equally large. */
export interface StorePart {
  /** Counts from 1. */
  readonly number: number;
  /** The number of parts, at most {@link MAX_PARTS}. */
  readonly count: number;
}

/** The most parts. */
export const MAX_PARTS = 1000;

/** Whether a blob belongs to a part. Each blob belongs to exactly one of the parts of a count. */
export function isInPart(id: BlobId, part: StorePart | undefined): boolean {
  if (part === undefined) return true;
  return cksum(new TextEncoder().encode(id)) % part.count === part.number - 1;
}
