/**
 * Ids of content that is stored in the catalog itself. Only rows of the catalog are classified by their ids. Other code
 * uses the kind of a file's content.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { BlobId } from "../blobs/blob_store.ts";

/** The beginning of the ids of contents in the catalog. No folder on the disk has this name. */
export const INLINE_PREFIX = "catalog/";
/** The sizes of an id's parts in bytes: the time in milliseconds, random bytes, a counter. */
const [TIME_SIZE, RANDOM_SIZE, COUNTER_SIZE] = [6, 6, 4];

/** Whether an id is one of content in the catalog. */
export function isInline(id: string): boolean {
  return id.startsWith(INLINE_PREFIX);
}

export function newInlineId(): BlobId {
  return newInlineIds()();
}

/**
 * A source of ids. Each comes after all earlier ones in their order, so that a database adds them at the end of its index
 * instead of changing a page of it for every file.
 */
export function newInlineIds(now: number = Date.now()): () => BlobId {
  const random: Bytes = crypto.getRandomValues(new Uint8Array(RANDOM_SIZE));
  const prefix = `${INLINE_PREFIX}${hex(now, TIME_SIZE)}${toHex(random)}`;
  let count = 0;
  return () => `${prefix}${hex(count++, COUNTER_SIZE)}` as BlobId;
}

function hex(number: number, size: number): string {
  return Math.max(0, number).toString(16).padStart(2 * size, "0");
}
