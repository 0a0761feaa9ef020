/**
 * The digest of a file: the Merkle tree hash of RFC 6962 2.1 over its chunks, with SHA-256.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type Bytes, concatBytes } from "../wire.ts";

export const CHUNK_SIZE = 1024 * 1024;
export const DIGEST_SIZE = 32;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** How many chunks a file of so many bytes has. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_SIZE);
}

/** Bytes of the chunk at an index, in a file of so many bytes; 0 or less behind its end. */
export function chunkSize(size: number, index: number): number {
  return Math.min(CHUNK_SIZE, size - index * CHUNK_SIZE);
}

/** The digest of one chunk. */
export function digestChunk(chunk: Bytes): Bytes {
  return sha256(LEAF, chunk);
}

/**
 * The digest of a file from those of its chunks, one behind the other. Adjacent nodes are joined level by level; one
 * that is left over goes up as it is, which gives the tree of the RFC.
 */
export function digestTree(leaves: Bytes): Bytes {
  if (leaves.length === 0) return sha256();
  let level = split(leaves);
  while (level.length > 1) {
    const next: Bytes[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Bytes, level[i + 1]];
      next.push(right === undefined ? left : sha256(NODE, left, right));
    }
    level = next;
  }
  return concatBytes(level[0] as Bytes);
}

function split(leaves: Bytes): Bytes[] {
  const all: Bytes[] = [];
  for (let at = 0; at < leaves.length; at += DIGEST_SIZE) {
    all.push(leaves.subarray(at, at + DIGEST_SIZE));
  }
  return all;
}

/** In this thread: to have a chunk hashed in another takes longer for small ones, and copies large ones. */
function sha256(...parts: readonly Bytes[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
