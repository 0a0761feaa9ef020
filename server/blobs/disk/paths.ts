/**
 * Ids of blobs and uploads on the disk: paths in the data folder, with `/`.
 *
 * @module
 */
import { sep } from "node:path";
import { type Bytes, toHex } from "../../../protocol/bytes.ts";
import type { BlobId, UploadId } from "../blob_store.ts";

/** The folders of uploads, of blobs, and of the quarantine. */
export const STAGING = "staging";
export const FILES = "files";
export const QUARANTINE = "quarantine";
/** The record of the quarantine: one JSON object per line. */
export const QUARANTINE_RECORD = `${QUARANTINE}.jsonl`;

/** `<folder>/<name>`, or `<folder>/<owner id>/<name>`. */
const MAX_DEPTH = 3;
const SEPARATOR = sep === "/" ? "/" : /[/\\]/;
const NO_NAMES: readonly string[] = ["", ".", ".."];
const ID_SIZE = 16;
const NAME = /^[0-9a-f]{32}$/;

export function newUploadId(): UploadId {
  return uploadIdOf(newName());
}

/** The id of the upload with this file name. */
export function uploadIdOf(name: string): UploadId {
  return `${STAGING}/${name}` as UploadId;
}

export function newBlobId(owner: Bytes): BlobId {
  return blobIdOf(toHex(owner), newName());
}

/** The id for these names below the folder of blobs. */
export function blobIdOf(...names: readonly string[]): BlobId {
  return [FILES, ...names].join("/") as BlobId;
}

export function newQuarantinePath(): string {
  return `${QUARANTINE}/${newName()}`;
}

/** Whether an id is one of a blob of this store. */
export function isBlobPath(id: string): boolean {
  const [top, ...names] = id.split("/");
  return top === FILES && names.length === 2 && names.every(isBlobName);
}

/** Whether a name is one of a blob, an upload or an owner's folder. */
export function isBlobName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Whether a path stays in one of the store's folders. Ids are checked before use: they come from a catalog, which may
 * belong to a forged backup.
 */
export function isStorePath(path: string): boolean {
  const [top = "", ...names] = path.split(SEPARATOR);
  return [STAGING, FILES, QUARANTINE].includes(top) &&
    names.length > 0 && names.length < MAX_DEPTH &&
    !path.includes("\0") && !names.some((name) => NO_NAMES.includes(name));
}

function newName(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(ID_SIZE)));
}
