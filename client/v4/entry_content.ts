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
import { isSameStat, statEntry } from "../local/entry_stat.ts";
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
  const { path, real, size, content } = entry;
  if (content !== undefined) return room.set(content);
  let isSame = false;
  try {
    isSame = readFile(real, room) === size && isSameStat(entry.stat, statEntry(real));
  } catch (cause) {
    throw cannotRead(path, cause, "Check the path and its permissions.");
  }
  if (!isSame) throw fileChanged(printable(path));
}

/** Reads until the end of a file, or of the buffer. Returns the number of bytes. */
function readFile(path: string, buffer: Bytes): number {
  using file = Deno.openSync(path, { read: true });
  let done = 0;
  while (done < buffer.length) {
    const size = file.readSync(done === 0 ? buffer : buffer.subarray(done));
    if (size === null) break;
    done += size;
  }
  return done;
}

/** The digest of a content of at most one chunk. */
export function digestContent(content: Bytes): Bytes {
  const tree = new MerkleTree();
  if (content.length > 0) tree.add(digestChunk(content));
  return tree.digest;
}
