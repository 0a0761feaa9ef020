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
const ID_SIZE = 16;

export function newInlineId(): BlobId {
  const id: Bytes = crypto.getRandomValues(new Uint8Array(ID_SIZE));
  return `${INLINE_PREFIX}${toHex(id)}` as BlobId;
}
