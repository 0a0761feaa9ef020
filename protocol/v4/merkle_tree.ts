/**
 * The digest of a file: the Merkle tree hash of RFC 6962 2.1 over its chunks, with SHA-256.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { atOnce, type Sliced } from "./slices.ts";
import { type Bytes, concatBytes } from "../bytes.ts";

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

/** So many leaves are joined in one slice: some ten milliseconds. */
const SLICE = 1024;

/**
 * The tree of a file as the digests of its chunks come. Two nodes of one level are joined as soon as both are there, so
 * that few are kept at a time, and the digest is at hand at any moment: those that are left over are joined from the
 * right, which gives the tree of the RFC.
 */
export class MerkleTree {
  readonly #nodes: Bytes[] = [];
  #count = 0;

  /** How many leaves it has. */
  get count(): number {
    return this.#count;
  }

  /** Of the leaves so far. */
  get digest(): Bytes {
    const nodes = this.#nodes;
    if (nodes.length === 0) return sha256();
    return concatBytes(nodes.reduceRight((right, left) => sha256(NODE, left, right)));
  }

  /** The same, to which others may be added. */
  copy(): MerkleTree {
    const copy = new MerkleTree();
    copy.#nodes.push(...this.#nodes);
    copy.#count = this.#count;
    return copy;
  }

  add(leaf: Bytes): void {
    this.#nodes.push(leaf.slice());
    this.#count++;
    for (let pairs = this.#count; pairs % 2 === 0; pairs /= 2) {
      const [right, left] = [this.#nodes.pop(), this.#nodes.pop()] as [Bytes, Bytes];
      this.#nodes.push(sha256(NODE, left, right));
    }
  }

  /** Adds leaves that are one behind the other. */
  *adding(leaves: Bytes): Sliced<void> {
    for (let at = 0; at < leaves.length; at += DIGEST_SIZE) {
      this.add(leaves.subarray(at, at + DIGEST_SIZE));
      if (this.#count % SLICE === 0) yield;
    }
  }
}

/** The digest of a file from those of its chunks, one behind the other. */
export function* digestingTree(leaves: Bytes): Sliced<Bytes> {
  const tree = new MerkleTree();
  yield* tree.adding(leaves);
  return tree.digest;
}

/** The same of a file that is known to have few. */
export function digestTree(leaves: Bytes): Bytes {
  return atOnce(digestingTree(leaves));
}

/** In this thread: to have a chunk hashed in another takes longer for small ones, and copies large ones. */
function sha256(...parts: readonly Bytes[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
