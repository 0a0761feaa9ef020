/**
 * The digest of a file: the Merkle tree hash of RFC 6962 2.1 over its chunks, with SHA-256.
 *
 * @module
 */
import { release } from "../memory.ts";
import { type Bytes, concatBytes } from "../wire.ts";

export const CHUNK_SIZE = 1024 * 1024;
export const DIGEST_SIZE = 32;

const LEAF = 0;
const NODE = 1;

/** How many chunks a file of so many bytes has. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_SIZE);
}

/** The digest of one chunk. It is computed off this thread; `chunk` is copied before the call returns. */
export async function digestChunk(chunk: Bytes): Promise<Bytes> {
  const input = new Uint8Array(1 + chunk.length);
  input[0] = LEAF;
  input.set(chunk, 1);
  const digest = sha256(input);
  // WebCrypto has a copy of its own.
  release(input);
  return await digest;
}

/**
 * The digest of a file from those of its chunks, one behind the other. Adjacent nodes are joined level by level; one
 * that is left over goes up as it is, which gives the tree of the RFC.
 */
export async function digestTree(leaves: Bytes): Promise<Bytes> {
  if (leaves.length === 0) return await sha256(leaves);
  let level = split(leaves);
  while (level.length > 1) {
    const next: Promise<Bytes>[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Bytes, level[i + 1]];
      next.push(
        right === undefined
          ? Promise.resolve(left)
          : sha256(concatBytes(Uint8Array.of(NODE), left, right)),
      );
    }
    level = await Promise.all(next);
  }
  return level[0] as Bytes;
}

/** Digests of chunks as they come, in order. */
export class Leaves {
  #bytes: Bytes = new Uint8Array(16 * DIGEST_SIZE);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** All of them, as a view. */
  get bytes(): Bytes {
    return this.#bytes.subarray(0, this.#count * DIGEST_SIZE);
  }

  push(digest: Bytes): void {
    const at = this.#count * DIGEST_SIZE;
    if (at === this.#bytes.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(digest, at);
    this.#count++;
  }
}

function split(leaves: Bytes): Bytes[] {
  const all: Bytes[] = [];
  for (let at = 0; at < leaves.length; at += DIGEST_SIZE) {
    all.push(leaves.subarray(at, at + DIGEST_SIZE));
  }
  return all;
}

async function sha256(input: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", input));
}
