/**
 * What both ends know of a file's chunks: digest and checksum of each, from which those of the whole are found, and of
 * any part from its beginning.
 *
 * @module
 */
import { continueRemainder, digestOf } from "../crc/cksum.ts";
import { combine, combiner } from "../crc/combine.ts";
import { ProtocolError } from "../errors.ts";
import { atOnce, type Sliced } from "./slices.ts";
import { type Bytes, equalBytes } from "../bytes.ts";
import {
  CHUNK_SIZE,
  chunkCount,
  chunkSize,
  DIGEST_SIZE,
  digestChunk,
  MerkleTree,
} from "./merkle_tree.ts";

/**
 * A chunk may come before those in front of it, but no more than so many of them: what is kept of chunks must not grow
 * with what a peer says, only with what it sends.
 */
export const MAX_AHEAD = 1024;

/** Digest and remainder (little endian) of one chunk, as they are kept. */
const ENTRY_SIZE = DIGEST_SIZE + 4;
/** Room for so many at first; it is doubled when it is full. */
const FIRST_ROOM = 16;

/** With each chunk that comes so many at most are summed up that came before those in front of them. */
const CATCH_UP = 64;
/** So many chunks are summed up, or their digests gathered, in one slice. */
const SUMMING_SLICE = 1024;
const GATHERING_SLICE = 65_536;

const combineWhole = combiner(CHUNK_SIZE);

/** What both ends compare at the end of a file. */
export interface FileDigests {
  /** POSIX cksum. */
  readonly cksum: number;
  /** Of the tree over the chunks, 32 bytes. */
  readonly digest: Bytes;
}

/** Of the first chunks of a file. */
interface Summed {
  remainder: number;
  readonly tree: MerkleTree;
}

export class ChunkDigests {
  /** Bytes of the file. */
  readonly size: number;
  #entries: Bytes = new Uint8Array(FIRST_ROOM * ENTRY_SIZE);
  /** Of each chunk whether it has come. */
  #come: Bytes = new Uint8Array(FIRST_ROOM);
  #held = 0;
  /** Goes on as chunks come, so that little is left to do in the end. */
  #summed: Summed = { remainder: 0, tree: new MerkleTree() };
  readonly #maxAhead: number;

  /** `maxAhead`: how far before those in front of it a chunk may come. */
  constructor(size: number, maxAhead = MAX_AHEAD) {
    this.size = size;
    this.#maxAhead = maxAhead;
  }

  /** How many bytes are there from the beginning on without a gap: whole chunks, or all of the file. */
  get contiguousBytes(): number {
    return Math.min(this.#held * CHUNK_SIZE, this.size);
  }

  /** Whether all of the file is there. */
  get isWhole(): boolean {
    return this.contiguousBytes === this.size;
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
    for (let i = 0; i < CATCH_UP && this.#summed.tree.count < this.#held; i++) {
      this.#sumUp(this.#summed);
    }
    return true;
  }

  /** The digests of the chunks that are held, one behind the other. */
  *gathering(): Sliced<Bytes> {
    const count = this.#held;
    const digests = new Uint8Array(count * DIGEST_SIZE);
    for (let index = 0; index < count; index++) {
      digests.set(this.#digestAt(index), index * DIGEST_SIZE);
      if (index % GATHERING_SLICE === GATHERING_SLICE - 1) yield;
    }
    return digests;
  }

  /** The same of a file that is known to have few, or where nobody waits. */
  get digests(): Bytes {
    return atOnce(this.gathering());
  }

  /**
   * Digest and checksum of the first `bytes` of the file, which are held: whole chunks, or all. Of all that has come
   * chunk by chunk they are nearly found already.
   */
  *summing(bytes = this.size): Sliced<FileDigests> {
    if (bytes > this.contiguousBytes) {
      throw new RangeError(
        `cannot digest ${bytes} bytes: only ${this.contiguousBytes} are complete`,
      );
    }
    const count = chunkCount(bytes);
    const { remainder, tree } = this.#summed;
    const summed: Summed = tree.count <= count
      ? { remainder, tree: tree.copy() }
      : { remainder: 0, tree: new MerkleTree() };
    while (summed.tree.count < count) {
      this.#sumUp(summed);
      if (summed.tree.count % SUMMING_SLICE === 0) yield;
    }
    // More may have come meanwhile.
    if (count > this.#summed.tree.count) {
      this.#summed = { remainder: summed.remainder, tree: summed.tree.copy() };
    }
    return { cksum: digestOf(summed.remainder, bytes), digest: summed.tree.digest };
  }

  /** The same at once, where there are few chunks or they came one by one. */
  sums(bytes?: number): FileDigests {
    return atOnce(this.summing(bytes));
  }

  /** The sums of the first `bytes` of the file, which are there, as {@link decode} takes them: whole chunks, or all. */
  encode(bytes = this.contiguousBytes): Bytes {
    return this.#entries.slice(0, chunkCount(bytes) * ENTRY_SIZE);
  }

  /** The sums of the first `bytes` of a file of this size. Throws `RangeError` where fewer are in `encoded`. */
  static decode(size: number, encoded: Bytes, bytes: number, maxAhead?: number): ChunkDigests {
    const count = chunkCount(bytes);
    if (encoded.length < count * ENTRY_SIZE) {
      throw new RangeError(`cannot decode the digests of ${count} chunks: they are truncated`);
    }
    const sums = new ChunkDigests(size, maxAhead);
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
    if (this.#come[index] === 1) throw badChunk(offset, "it was already received");
    if (index > this.#held + this.#maxAhead) {
      throw badChunk(offset, "too many chunks before it are missing");
    }
    return index;
  }

  #makeRoom(index: number): void {
    if (index < this.#come.length) return;
    const count = Math.max(index + 1, 2 * this.#come.length);
    this.#entries = grown(this.#entries, count * ENTRY_SIZE);
    this.#come = grown(this.#come, count);
  }

  /** Takes the next chunk to what is summed up. */
  #sumUp(summed: Summed): void {
    const index = summed.tree.count;
    const view = new DataView(this.#entries.buffer);
    const next = view.getUint32(index * ENTRY_SIZE + DIGEST_SIZE, true);
    const length = chunkSize(this.size, index);
    summed.remainder = length === CHUNK_SIZE
      ? combineWhole(summed.remainder, next)
      : combine(summed.remainder, next, length);
    summed.tree.add(this.#digestAt(index));
  }

  #digestAt(index: number): Bytes {
    const at = index * ENTRY_SIZE;
    return this.#entries.subarray(at, at + DIGEST_SIZE);
  }
}

function grown(bytes: Bytes, size: number): Bytes {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}

function badChunk(offset: number, why: string): ProtocolError {
  return new ProtocolError("bad-frame", `cannot accept the chunk at ${offset}: ${why}`);
}
