/**
 * The digest of a file: the Merkle tree hash of RFC 6962 2.1 over its chunks, with SHA-256.
 *
 * @module
 */
import type { createHash, hash } from "node:crypto";
import { atOnce, type Sliced } from "./slices.ts";
import { builtinModule } from "../builtin_module.ts";
import { type Bytes, concatBytes } from "../bytes.ts";

/** The size of a chunk in bytes. The last one of a file may be shorter. */
export const CHUNK_SIZE = 1024 * 1024;
/** The size of a digest in bytes: SHA-256. */
export const DIGEST_SIZE = 32;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The number of chunks of a file of this size in bytes. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_SIZE);
}

/** The size, in bytes, of the chunk at an index, counted from 0, in a file of `size` bytes; 0 or less past its end. */
export function chunkSize(size: number, index: number): number {
  return Math.min(CHUNK_SIZE, size - index * CHUNK_SIZE);
}

/** The digest of one chunk: SHA-256 of a zero byte and the chunk (RFC 6962 2.1). */
export function digestChunk(chunk: Bytes): Bytes {
  return sha256(LEAF, chunk);
}

/** In bytes. For fewer bytes, starting work in another thread takes longer than the digest. */
const WORTH_ANOTHER_THREAD = 128 * 1024;

/** A buffer for one chunk, with the room that {@link digestChunkBeside} needs before it. */
export function createChunkBuffer(): Bytes {
  return new Uint8Array(LEAF.length + CHUNK_SIZE).subarray(LEAF.length);
}

/**
 * {@link digestChunk} of a large chunk in another thread, by WebCrypto. The byte before the chunk in its buffer is set
 * to 0, so it must not be in use. Without such a byte the digest is computed in this thread. The chunk must not change
 * until the promise resolves.
 */
export async function digestChunkBeside(chunk: Bytes): Promise<Bytes> {
  const { buffer, byteOffset, length } = chunk;
  if (length < WORTH_ANOTHER_THREAD || byteOffset < LEAF.length) return digestChunk(chunk);
  const leaf = new Uint8Array(buffer, byteOffset - LEAF.length, LEAF.length + length);
  leaf.set(LEAF);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", leaf));
}

/**
 * The digest of a file that is the one chunk `buffer[from..to)`, or empty. Hashes it in place: the byte before it, which
 * must exist, is zero meanwhile. `digest`: where to write it. A new array takes nearly as long as the call to hash.
 */
export function digestInPlace(
  buffer: Bytes,
  from: number,
  to: number,
  digest: Bytes = new Uint8Array(DIGEST_SIZE),
): Bytes {
  const hex = hexInPlace(buffer, from, to);
  for (let i = 0; i < DIGEST_SIZE; i++) digest[i] = byteAt(hex, i);
  return digest;
}

/** Whether {@link digestInPlace} of `buffer[from..to)` is the digest that begins at `at`. Allocates nothing for it. */
export function hasDigestInPlace(buffer: Bytes, from: number, to: number, at: number): boolean {
  const hex = hexInPlace(buffer, from, to);
  for (let i = 0; i < DIGEST_SIZE; i++) {
    if (byteAt(hex, i) !== buffer[at + i]) return false;
  }
  return true;
}

/** In hexadecimal, because a text takes less time and memory than a hash object and its bytes. */
function hexInPlace(buffer: Bytes, from: number, to: number): string {
  hashOnce ??= builtinModule("node:crypto").hash;
  if (from === to) return hashOnce("sha256", buffer.subarray(from, to), "hex");
  const before = buffer[from - 1];
  if (before === undefined) throw new RangeError("cannot hash in place: no byte comes before");
  buffer[from - 1] = 0;
  const hex = hashOnce("sha256", buffer.subarray(from - 1, to), "hex");
  buffer[from - 1] = before;
  return hex;
}

let hashOnce: typeof hash | undefined;

/** The byte at an index of lower-case hexadecimal. */
function byteAt(hex: string, index: number): number {
  return 16 * nibble(hex.charCodeAt(2 * index)) + nibble(hex.charCodeAt(2 * index + 1));
}

function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/** The number of leaves that are joined in one slice, about ten milliseconds. */
const SLICE = 1024;

/**
 * The Merkle tree of a file (RFC 6962 2.1), from the digests of its chunks in order. It joins two nodes of a level as soon
 * as both are known, so it keeps few of them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CHUNK_SIZE, digestChunk, digestTree, MerkleTree } from "@xfer/xfer/protocol/v4";
 *
 * const chunks = [new Uint8Array(CHUNK_SIZE), new Uint8Array(100)];
 * const tree = new MerkleTree();
 * for (const chunk of chunks) tree.add(digestChunk(chunk));
 * const leaves = new Uint8Array(chunks.flatMap((chunk) => [...digestChunk(chunk)]));
 * assert.deepEqual(tree.digest, digestTree(leaves));
 * ```
 */
export class MerkleTree {
  readonly #nodes: Bytes[] = [];
  #count = 0;

  /** The number of chunks added. */
  get count(): number {
    return this.#count;
  }

  /** The digest of the chunks so far, 32 bytes. */
  get digest(): Bytes {
    const nodes = this.#nodes;
    if (nodes.length === 0) return sha256();
    return concatBytes(nodes.reduceRight((right, left) => sha256(NODE, left, right)));
  }

  /** Returns a copy that grows independently. */
  copy(): MerkleTree {
    const copy = new MerkleTree();
    copy.#nodes.push(...this.#nodes);
    copy.#count = this.#count;
    return copy;
  }

  /** Adds the digest of the next chunk. */
  add(leaf: Bytes): void {
    this.#nodes.push(leaf.slice());
    this.#count++;
    for (let pairs = this.#count; pairs % 2 === 0; pairs /= 2) {
      const [right, left] = [this.#nodes.pop(), this.#nodes.pop()] as [Bytes, Bytes];
      this.#nodes.push(sha256(NODE, left, right));
    }
  }
}

/** Adds the digests of the next chunks, concatenated. */
export function* addingLeaves(tree: MerkleTree, leaves: Bytes): Sliced<void> {
  for (let at = 0; at < leaves.length; at += DIGEST_SIZE) {
    tree.add(leaves.subarray(at, at + DIGEST_SIZE));
    if (tree.count % SLICE === 0) yield;
  }
}

/** {@link digestTree} in slices. */
export function* digestingTree(leaves: Bytes): Sliced<Bytes> {
  const tree = new MerkleTree();
  yield* addingLeaves(tree, leaves);
  return tree.digest;
}

/** The digest of a file, 32 bytes, from the digests of its chunks, concatenated. */
export function digestTree(leaves: Bytes): Bytes {
  return atOnce(digestingTree(leaves));
}

/** Loaded on first use, because a thread that only reads and writes records does not need it. */
let create: typeof createHash | undefined;

/** Computes a SHA-256 in this thread. Another thread would take longer for small chunks and copy large ones. */
function sha256(...parts: readonly Bytes[]): Bytes {
  create ??= builtinModule("node:crypto").createHash;
  const hash = create("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
