/**
 * Files to upload, and the content of symbolic links, which is their target.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { type EntryKind, linkTarget } from "../../protocol/entry.ts";
import { StorageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";

/** An entry, as it was when it was inspected. */
export interface SourceEntry {
  readonly kind: EntryKind;
  /** As named by the user, or found in a folder that the user named. */
  readonly path: string;
  /** The last component of the path. */
  readonly name: string;
  /** Of the content, in bytes. */
  readonly size: number;
  /** Permission bits; `undefined` if the system has none. */
  readonly mode: number | undefined;
  /** The modification time, in nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** Set if the entry is a regular file. */
  readonly inspected?: InspectedFile;
  /** Throws `StorageError` `cannot-read`. */
  readonly open: () => Promise<OpenEntry>;
  /** Inspects the path again. Throws `StorageError` `cannot-read`, `not-a-file`. */
  readonly reinspect: () => Promise<SourceEntry>;
  /** Whether both were the same entry with the same content when they were inspected. */
  readonly isSameAs: (other: SourceEntry) => boolean;
}

/** A regular file, as it was when it was inspected. */
export interface InspectedFile {
  /** The path without a link at its end. */
  readonly real: string;
  readonly info: Deno.FileInfo;
  /** When it was inspected, in milliseconds since 1970. */
  readonly at: number;
}

/** The content of an entry, for one reader at a time. */
export interface OpenEntry extends Disposable {
  /** Yields the content between two offsets, in pieces of the buffers' size. */
  read(
    buffers: readonly [Bytes, Bytes, ...Bytes[]],
    from?: number,
    to?: number,
  ): AsyncGenerator<Bytes, void, void>;
  /** Reads at an offset, as many bytes as the buffer can hold. */
  readAt(offset: number, buffer: Bytes): Promise<Bytes>;
  /** Reads all of a small content. */
  readWhole(): Promise<Bytes>;
  /** Whether the entry differs from the inspected one. */
  hasChanged(): Promise<boolean>;
}

/** Stands for bytes that are not UTF-8 in texts from Deno. No file is found at a path with this character. */
export const UNDECODABLE = "\ufffd";

/** The content of a link that leads to a path. Throws `StorageError` `bad-entry`. */
export function linkContent(path: string, target: string): Bytes {
  const content = new TextEncoder().encode(target);
  if (!target.includes(UNDECODABLE) && linkTarget(content) === target) return content;
  throw new StorageError(
    "bad-entry",
    `cannot upload ${printable(path)}: the path that it leads to is empty, too long or not UTF-8`,
    { hint: "Make a link to another path, or skip it with --exclude PATTERN." },
  );
}
