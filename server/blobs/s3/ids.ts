/**
 * Ids of blobs and uploads in a bucket. A blob's id is its key after the prefix. An upload's id is that of its blob and
 * the id that the store gave it.
 *
 * @module
 */
import { toHex } from "../../../protocol/bytes.ts";
import type { BlobId, UploadId } from "../blob_store.ts";

/** Where blobs are, after the prefix, and what was moved to quarantine. */
export const BLOBS = "blobs/";
export const QUARANTINE = "quarantine/";
const ID_SIZE = 16;
const BLOB = /^blobs\/[0-9a-f]{32}$/;
const QUARANTINED = /^quarantine\/[0-9a-f]{32}$/;
/** Between the key and the store's id of an upload. No key of a blob contains it. */
const SEPARATOR = "?";
/** The longest id that a store may give an upload. Those of S3 have about 130 characters. */
const MAX_STORE_ID = 1024;

/** A random id, so that the keys spread over the store's partitions. It never changes, not even with the file's name. */
export function newBlobId(): BlobId {
  return blobIdOf(newName());
}

/** The key of something in the quarantine. That of its entry in the record ends with `.json`. */
export function newQuarantineKey(): string {
  return `${QUARANTINE}${newName()}`;
}

export function isQuarantineKey(key: string): boolean {
  return QUARANTINED.test(key);
}

function newName(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(ID_SIZE)));
}

/** The id with a random part of 32 hexadecimal digits. */
export function blobIdOf(random: string): BlobId {
  return `${BLOBS}${random}` as BlobId;
}

/** Whether an id is one of a blob of this store. Others come from foreign objects, or from another store's catalog. */
export function isBlobId(id: string): id is BlobId {
  return BLOB.test(id);
}

/** An upload in the store. Without `storeId`, all of it is in the memory of this process. */
export interface UploadKey {
  readonly blobId: BlobId;
  readonly storeId: string | undefined;
}

export function uploadIdOf({ blobId, storeId = "" }: UploadKey): UploadId {
  return `${blobId}${SEPARATOR}${storeId}` as UploadId;
}

/** `undefined` for an id that is not one of an upload of this store. */
export function parseUploadId(id: string): UploadKey | undefined {
  const at = id.indexOf(SEPARATOR);
  const [blobId, storeId] = [id.slice(0, Math.max(at, 0)), id.slice(at + 1)];
  if (!isBlobId(blobId) || storeId.length > MAX_STORE_ID) return undefined;
  return { blobId, storeId: storeId === "" ? undefined : storeId };
}
