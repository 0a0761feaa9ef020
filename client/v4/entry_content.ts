/**
 * Reads the content of small entries, in this thread: for a file of a few KiB, another thread costs more than it saves.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { fileChanged } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { digestChunk, MerkleTree } from "../../protocol/v4/merkle_tree.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import { readUnchanged } from "../local/entry_stat.ts";
import { cannotRead } from "../local/read_small_file.ts";
import type { FoundEntry } from "./found_entry.ts";

/** The room that {@link readContent} needs for an entry, in bytes: one more than its size shows that it has grown. */
export function roomFor({ size, content }: FoundEntry): number {
  return content === undefined ? Math.min(size + 1, MAX_PACKED_SIZE) : size;
}

/**
 * Reads all of a small entry into a buffer. Throws `StorageError` `cannot-read`; `IntegrityError` `file-changed` if it
 * differs from the inspected one.
 */
export function readContent(entry: FoundEntry, room: Bytes): void {
  const { path, real, stat, content } = entry;
  if (content !== undefined) return room.set(content);
  let isSame = false;
  try {
    isSame = readUnchanged(real, stat, room);
  } catch (cause) {
    throw cannotRead(path, cause, "Check the path and its permissions.");
  }
  if (!isSame) throw fileChanged(printable(path));
}

/** The digest of a content of at most one chunk. */
export function digestContent(content: Bytes): Bytes {
  const tree = new MerkleTree();
  if (content.length > 0) tree.add(digestChunk(content));
  return tree.digest;
}
