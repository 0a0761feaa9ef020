/**
 * Paths of blobs, relative to the data folder, with `/`.
 *
 * @module
 */
import { sep } from "node:path";
import { type Bytes, toHex } from "../../../protocol/bytes.ts";

/** Folders of blobs that are written, that are committed, and that were put aside. */
export const STAGING = "staging";
export const FILES = "files";
export const QUARANTINE = "quarantine";

/** `<folder>/<name>`, or `<folder>/<owner id>/<name>`. */
const MAX_DEPTH = 3;
const SEPARATOR = sep === "/" ? "/" : /[/\\]/;
const NO_NAMES: readonly string[] = ["", ".", ".."];
const ID_SIZE = 16;
const NAME = /^[0-9a-f]{32}$/;

export function newStagedPath(): string {
  return `${STAGING}/${newName()}`;
}

export function newBlobPath(ownerId: Bytes): string {
  return `${FILES}/${toHex(ownerId)}/${newName()}`;
}

export function newQuarantinePath(): string {
  return `${QUARANTINE}/${newName()}`;
}

/** Whether a path is one that a committed blob in a file of its own has. */
export function isBlobPath(path: string): boolean {
  const [top, ...names] = path.split("/");
  return top === FILES && names.length === 2 && names.every(isBlobName);
}

/** Whether a name is one of a blob, or of an owner's folder. */
export function isBlobName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Whether a path stays in one of the folders of blobs. What a catalog says is not trusted with more: it may be that of
 * a forged backup.
 */
export function isPlace(path: string): boolean {
  const [top = "", ...names] = path.split(SEPARATOR);
  return [STAGING, FILES, QUARANTINE].includes(top) &&
    names.length > 0 && names.length < MAX_DEPTH &&
    !path.includes("\0") && !names.some((name) => NO_NAMES.includes(name));
}

function newName(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(ID_SIZE)));
}
