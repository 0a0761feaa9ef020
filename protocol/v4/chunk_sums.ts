/**
 * What both ends know of a file's chunks: digest and checksum of each, from which those of the whole are found, and of
 * any part from its beginning.
 *
 * @module
 */
import { continueRemainder, digestOf } from "../crc/cksum.ts";
import { combine, combiner } from "../crc/combine.ts";
import { ProtocolError } from "../errors.ts";
import { type Bytes, equalBytes } from "../wire.ts";
import { CHUNK_SIZE, chunkCount, chunkSize, DIGEST_SIZE, digestChunk, digestTree } from "./tree.ts";

/**
 * A chunk may come before those in front of it, but no more than so many of them: what is kept of chunks must not grow
 * with what a peer says, only with what it sends.
 */
export const MAX_AHEAD = 1024;

/** Digest and remainder (little endian) of one chunk, as they are kept. */
const ENTRY_SIZE = DIGEST_SIZE + 4;
/** Room for so many at first; it is doubled when it is full. */
const FIRST_ROOM = 16;

const combineWhole = combiner(CHUNK_SIZE);

/** What both ends compare at the end of a file. */
export interface Sums {
  /** POSIX cksum. */
  readonly cksum: number;
  /** Of the tree over the chunks, 32 bytes. */
  readonly digest: Bytes;
}

export class ChunkSums {
  /** Bytes of the file. */
  readonly size: number;
  #entries: Bytes = new Uint8Array(FIRST_ROOM * ENTRY_SIZE);
  /** Of each chunk whether it has come. */
  #come: Bytes = new Uint8Array(FIRST_ROOM);
  #held = 0;
  readonly #maxAhead: number;

  /** `maxAhead`: how far before those in front of it a chunk may come. */
  constructor(size: number, maxAhead = MAX_AHEAD) {
    this.size = size;
    this.#maxAhead = maxAhead;
  }

  /** How many bytes are there from the beginning on without a gap: whole chunks, or all of the file. */
  get held(): number {
    return Math.min(this.#held * CHUNK_SIZE, this.size);
  }

  /** Whether all of the file is there. */
  get isWhole(): boolean {
    return this.held === this.size;
  }

  /** Whether the chunk that begins at an offset has come. */
  has(offset: number): boolean {
    return this.#come[offset / CHUNK_SIZE] === 1;
  }

  /**
   * Sums a chunk up. Throws `ProtocolError` `bad-frame` for one that begins nowhere in the file, has not the size that
   * it must have there, has come before, or is too far ahead. Where the chunk has not the digest that is expected, it is
   * not taken: `false`.
   */
  add(offset: number, chunk: Bytes, expected?: Bytes): boolean {
    const index = this.#place(offset, chunk.length);
    const digest = digestChunk(chunk);
    if (expected !== undefined && !equalBytes(digest, expected)) return false;
    this.#makeRoom(index);
    const at = index * ENTRY_SIZE;
    this.#entries.set(digest, at);
    const remainder = continueRemainder(0, chunk, this.size);
    new DataView(this.#entries.buffer).setUint32(at + DIGEST_SIZE, remainder, true);
    this.#come[index] = 1;
    while (this.#come[this.#held] === 1) this.#held++;
    return true;
  }

  /** The digests of the chunks that are held, one behind the other. */
  get digests(): Bytes {
    return this.#digests(this.#held);
  }

  /** Digest and checksum of the first `bytes` of the file, which are held: whole chunks, or all. */
  sums(bytes = this.size): Sums {
    if (bytes > this.held) {
      throw new RangeError(`Cannot sum up ${bytes} bytes: ${this.held} are held`);
    }
    const count = chunkCount(bytes);
    const view = new DataView(this.#entries.buffer);
    let remainder = 0;
    for (let index = 0; index < count; index++) {
      const next = view.getUint32(index * ENTRY_SIZE + DIGEST_SIZE, true);
      const length = chunkSize(this.size, index);
      remainder = length === CHUNK_SIZE
        ? combineWhole(remainder, next)
        : combine(remainder, next, length);
    }
    return { cksum: digestOf(remainder, bytes), digest: digestTree(this.#digests(count)) };
  }

  /** What is held, as {@link decode} takes it. */
  encode(): Bytes {
    return this.#entries.slice(0, this.#held * ENTRY_SIZE);
  }

  /** The sums of the first `bytes` of a file of this size. Throws `RangeError` where fewer are in `encoded`. */
  static decode(size: number, encoded: Bytes, bytes: number): ChunkSums {
    const count = chunkCount(bytes);
    if (encoded.length < count * ENTRY_SIZE) {
      throw new RangeError(`Cannot decode the sums of ${count} chunks: they are cut off`);
    }
    const sums = new ChunkSums(size);
    if (count > 0) sums.#makeRoom(count - 1);
    sums.#entries.set(encoded.subarray(0, count * ENTRY_SIZE));
    sums.#come.fill(1, 0, count);
    sums.#held = count;
    return sums;
  }

  #place(offset: number, length: number): number {
    const index = offset / CHUNK_SIZE;
    if (!Number.isInteger(index) || index >= chunkCount(this.size)) {
      throw badChunk(offset, `the file has ${this.size} bytes`);
    }
    const expected = chunkSize(this.size, index);
    if (length !== expected) throw badChunk(offset, `it has ${length} bytes, not ${expected}`);
    if (this.#come[index] === 1) throw badChunk(offset, "it has come before");
    if (index > this.#held + this.#maxAhead) {
      throw badChunk(offset, "too many before it are missing");
    }
    return index;
  }

  #makeRoom(index: number): void {
    if (index < this.#come.length) return;
    const count = Math.max(index + 1, 2 * this.#come.length);
    this.#entries = grown(this.#entries, count * ENTRY_SIZE);
    this.#come = grown(this.#come, count);
  }

  #digests(count: number): Bytes {
    const digests = new Uint8Array(count * DIGEST_SIZE);
    for (let index = 0; index < count; index++) {
      const at = index * ENTRY_SIZE;
      digests.set(this.#entries.subarray(at, at + DIGEST_SIZE), index * DIGEST_SIZE);
    }
    return digests;
  }
}

function grown(bytes: Bytes, size: number): Bytes {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}

function badChunk(offset: number, why: string): ProtocolError {
  return new ProtocolError("bad-frame", `Cannot take the chunk at ${offset}: ${why}`);
}
