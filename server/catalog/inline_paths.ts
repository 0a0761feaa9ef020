/**
 * Paths of small files, whose content the catalog keeps in its own rows.
 *
 * @module
 */
import type { BlobId } from "../blobs/blob_store.ts";
import { type Bytes, toHex } from "../../protocol/bytes.ts";

/** No folder: what is below it is in the catalog. */
export const INLINE_PREFIX = "catalog/";
const ID_SIZE = 16;

export function newInlinePath(): BlobId {
  const id: Bytes = crypto.getRandomValues(new Uint8Array(ID_SIZE));
  return `${INLINE_PREFIX}${toHex(id)}` as BlobId;
}

/** Whether the catalog keeps the blob. */
export function isInline(path: string): boolean {
  return path.startsWith(INLINE_PREFIX);
}
