/**
 * Ids of content that the catalog keeps itself. Only the rows of a catalog tell by an id what it is; all others look at
 * the kind of a file's content.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { BlobId } from "../blobs/blob_store.ts";

/** No folder of the disk: what is below it is in the catalog. */
export const INLINE_PREFIX = "catalog/";
const ID_SIZE = 16;

export function newInlineId(): BlobId {
  const id: Bytes = crypto.getRandomValues(new Uint8Array(ID_SIZE));
  return `${INLINE_PREFIX}${toHex(id)}` as BlobId;
}
