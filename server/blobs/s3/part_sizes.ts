/**
 * The sizes of the parts of a multipart upload. An upload has at most 10,000 parts, so that those of huge files are
 * larger.
 *
 * Source: Amazon S3, "Multipart upload limits". Each part but the last has at least 5 MiB. MinIO, Ceph and Swift have
 * the same limits.
 *
 * @module
 */
import { StorageError } from "../../../protocol/errors.ts";

const MIB = 1024 * 1024;

/** The smallest size of a part that is not the last. */
export const MIN_PART_SIZE = 5 * MIB;
/** The size of most parts: whole chunks of protocol 4, so that checkpoints lose none. */
export const PART_SIZE = 8 * MIB;
export const MAX_PARTS = 10_000;
/** How often the size of a part is doubled at most: parts have at most 128 MiB, and a file 1.2 TiB. */
const MAX_DOUBLINGS = 4;
/** The size is doubled after this many parts if the size of the file is not known: a file has at most 484 GiB. */
const PARTS_OF_ONE_SIZE = MAX_PARTS / (MAX_DOUBLINGS + 1);

/** A file needs too many parts. */
export function tooLarge(): StorageError {
  return new StorageError(
    "object-too-large",
    `cannot store the file: an object has at most ${MAX_PARTS} parts`,
    { hint: "Split the file." },
  );
}

export interface PartSizing {
  /** The size of a part of a file that is not huge, in bytes. */
  readonly base: number;
  /** The expected size of the file in bytes. */
  readonly expected?: number | undefined;
  /** The least size of further parts: that of the parts that are already there. */
  readonly least?: number | undefined;
}

/** The size of the largest file in bytes. */
export function mostBytes(base: number): number {
  return base * 2 ** MAX_DOUBLINGS * MAX_PARTS;
}

/** The size of a part in bytes. `number` counts from 1. */
export function partSize(number: number, { base, expected = 0, least = 0 }: PartSizing): number {
  let size = base * 2 ** Math.floor((number - 1) / PARTS_OF_ONE_SIZE);
  const most = base * 2 ** MAX_DOUBLINGS;
  while (size < most && (size < least || size * MAX_PARTS < expected)) size *= 2;
  return size;
}
