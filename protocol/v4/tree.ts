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
 * The digest of a file from those of its chunks, one behind the other. Two nodes of one level are joined as soon as both
 * are there, so that few are kept at a time; those that are left over in the end are joined from the right, which gives
 * the tree of the RFC.
 */
export function digestTree(leaves: Bytes): Bytes {
  if (leaves.length === 0) return sha256();
  const nodes: Bytes[] = [];
  const join = () => {
    const [right, left] = [nodes.pop(), nodes.pop()] as [Bytes, Bytes];
    nodes.push(sha256(NODE, left, right));
  };
  for (let count = 0; count * DIGEST_SIZE < leaves.length;) {
    const at = count * DIGEST_SIZE;
    nodes.push(leaves.subarray(at, at + DIGEST_SIZE));
    count++;
    for (let pairs = count; pairs % 2 === 0; pairs /= 2) join();
  }
  while (nodes.length > 1) join();
  return concatBytes(nodes[0] as Bytes);
}

/** In this thread: to have a chunk hashed in another takes longer for small ones, and copies large ones. */
function sha256(...parts: readonly Bytes[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
