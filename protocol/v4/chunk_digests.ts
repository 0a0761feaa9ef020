/**
 * The digests and checksums of a file's chunks. Those of the whole file, and of any part from its beginning, are
 * computed from them.
 *
 * @module
 */
import { continueRemainder, digestOf } from "../crc/cksum.ts";
import { areSameSums, type ContentSums } from "./content_sums.ts";
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
  digestChunkBeside,
  MerkleTree,
} from "./merkle_tree.ts";

/**
 * The most chunks by which a chunk may be ahead of the first missing one, so that memory grows only with the data that
 * a peer sends.
 */
export const MAX_AHEAD = 1024;

/** The size of an entry in bytes: digest and remainder (little endian) of one chunk. */
export const ENTRY_SIZE = DIGEST_SIZE + 4;
/** The initial capacity in chunks, doubled when needed. */
const FIRST_ROOM = 16;

/** The most chunks that are summed up with each new one, after a gap is filled. */
const CATCH_UP = 64;
/** The number of chunks that are summed up, or whose digests are gathered, in one slice. */
const SUMMING_SLICE = 1024;
const GATHERING_SLICE = 65_536;

const combineWhole = combiner(CHUNK_SIZE);

/** The size and the digests that both ends compare at the end of a file. */
export interface FileDigests {
  /** In bytes. */
  readonly size: number;
  /** POSIX cksum. */
  readonly cksum: number;
  /** The digest of the tree over the chunks, 32 bytes. */
  readonly digest: Bytes;
}

type Sums = Pick<FileDigests, "cksum" | "digest">;

/** Whether both ends have found the same content. */
export function haveSameSums(a: Sums, b: Sums): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}

/** The sums of the first chunks of a file. */
interface Summed {
  remainder: number;
  readonly tree: MerkleTree;
}

export class ChunkDigests {
  #size: number;
  /** Whether the file grows with each chunk, because its size is not known yet. */
  #isGrowing: boolean;
  #entries: Bytes = new Uint8Array(FIRST_ROOM * ENTRY_SIZE);
  /** 1 for each chunk that was added. */
  #added: Bytes = new Uint8Array(FIRST_ROOM);
  #contiguousChunks = 0;
  /** Advances as chunks arrive, so that little is left to do at the end. */
  #summed: Summed = { remainder: 0, tree: new MerkleTree() };
  readonly #maxAhead: number;

  /**
   * `size`: of the file in bytes; `undefined` if it is not known, so that chunks must come in order until
   * {@link complete}. `maxAhead`: the most chunks by which a chunk may be ahead of the first missing one.
   */
  constructor(size: number | undefined, maxAhead = MAX_AHEAD) {
    this.#size = size ?? 0;
    this.#isGrowing = size === undefined;
    this.#maxAhead = maxAhead;
  }

  /** The size of the file in bytes. If it is not known yet, that of the chunks so far. */
  get size(): number {
    return this.#size;
  }

  /** The file of unknown size has no more chunks. */
  complete(): void {
    this.#isGrowing = false;
  }

  /** The number of bytes from the beginning without a gap: whole chunks, or the whole file. */
  get contiguousBytes(): number {
    return Math.min(this.#contiguousChunks * CHUNK_SIZE, this.size);
  }

  /** Whether all chunks were added. */
  get isWhole(): boolean {
    return !this.#isGrowing && this.contiguousBytes === this.size;
  }

  /** Whether the chunk at an offset was added. */
  has(offset: number): boolean {
    return this.#added[offset / CHUNK_SIZE] === 1;
  }

  /**
   * Adds a chunk. Returns `false`, and does not add it, if it has another digest than `expected`. Throws
   * `ProtocolError` `bad-frame` for an invalid offset or size, a chunk that was already added, or one that is too far
   * ahead.
   */
  add(offset: number, chunk: Bytes, expected?: Bytes): boolean {
    this.#indexOf(offset, chunk.length);
    const digest = digestChunk(chunk);
    if (expected !== undefined && !equalBytes(digest, expected)) return false;
    this.#add(offset, chunk, digest);
    return true;
  }

  /**
   * Adds a chunk as {@link add} does, with the digest that came with it, if it has the checksum that came with it, and with
   * `isHashed` also the digest. Returns its real sums if they differ.
   */
  addReceived(
    offset: number,
    chunk: Bytes,
    expected: ContentSums,
    isHashed: boolean,
  ): ContentSums | undefined {
    this.#indexOf(offset, chunk.length);
    const remainder = continueRemainder(0, chunk);
    const cksum = digestOf(remainder, chunk.length);
    if (isHashed || cksum !== expected.cksum) {
      const found = { cksum, digest: digestChunk(chunk) };
      if (!areSameSums(found, expected)) return found;
    }
    this.#add(offset, chunk, expected.digest, remainder);
    return undefined;
  }

  /**
   * Adds a chunk as {@link add} does, and computes its digest in another thread. The byte before the chunk in its buffer
   * must not be in use ({@link digestChunkBeside}). Chunks of a file of unknown size must be added one after another.
   */
  async addBeside(offset: number, chunk: Bytes, expected?: Bytes): Promise<boolean> {
    this.#indexOf(offset, chunk.length);
    const digest = await digestChunkBeside(chunk);
    if (expected !== undefined && !equalBytes(digest, expected)) return false;
    this.#add(offset, chunk, digest);
    return true;
  }

  #add(
    offset: number,
    chunk: Bytes,
    digest: Bytes,
    remainder = continueRemainder(0, chunk),
  ): void {
    const index = this.#indexOf(offset, chunk.length);
    if (this.#isGrowing) this.#size += chunk.length;
    this.#makeRoom(index);
    const at = index * ENTRY_SIZE;
    this.#entries.set(digest, at);
    new DataView(this.#entries.buffer).setUint32(at + DIGEST_SIZE, remainder, true);
    this.#added[index] = 1;
    while (this.#added[this.#contiguousChunks] === 1) this.#contiguousChunks++;
    for (let i = 0; i < CATCH_UP && this.#summed.tree.count < this.#contiguousChunks; i++) {
      this.#sumUp(this.#summed);
    }
  }

  /** Digest and POSIX cksum of the chunk at an offset, which must have been added. */
  ofChunk(offset: number): ContentSums {
    const index = offset / CHUNK_SIZE;
    if (!this.has(offset)) {
      throw new RangeError(`cannot sum up the chunk at ${offset}: it is missing`);
    }
    const cksum = digestOf(this.#remainderAt(index), chunkSize(this.size, index));
    return { cksum, digest: this.#digestAt(index).slice() };
  }

  /** Computes the digests of the chunks from the beginning without a gap, concatenated. */
  *gathering(): Sliced<Bytes> {
    const count = this.#contiguousChunks;
    const digests = new Uint8Array(count * DIGEST_SIZE);
    for (let index = 0; index < count; index++) {
      digests.set(this.#digestAt(index), index * DIGEST_SIZE);
      if (index % GATHERING_SLICE === GATHERING_SLICE - 1) yield;
    }
    return digests;
  }

  /** The digests, computed without pauses: for few chunks, or if nothing else waits. */
  get digests(): Bytes {
    return atOnce(this.gathering());
  }

  /**
   * Computes digest and checksum of the first `bytes` of the file, which must be complete: whole chunks, or the whole
   * file. For chunks that arrived in order, little is left to do.
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
    // More chunks may have been added meanwhile.
    if (count > this.#summed.tree.count) {
      this.#summed = { remainder: summed.remainder, tree: summed.tree.copy() };
    }
    return { size: bytes, cksum: digestOf(summed.remainder, bytes), digest: summed.tree.digest };
  }

  /** The same at once, for few chunks or chunks that arrived in order. */
  sums(bytes?: number): FileDigests {
    return atOnce(this.summing(bytes));
  }

  /**
   * Encodes the entries of the first `bytes` of the file, which must be complete, for {@link decode}; only those from the
   * chunk at `from`.
   */
  encode(bytes = this.contiguousBytes, from = 0): Bytes {
    return this.#entries.slice(chunkCount(from) * ENTRY_SIZE, chunkCount(bytes) * ENTRY_SIZE);
  }

  /** Decodes the entries of the first `bytes` of a file of this size. Throws `RangeError` if `encoded` has fewer. */
  static decode(size: number, encoded: Bytes, bytes: number, maxAhead?: number): ChunkDigests {
    const count = chunkCount(bytes);
    if (encoded.length < count * ENTRY_SIZE) {
      throw new RangeError(`cannot decode the digests of ${count} chunks: they are truncated`);
    }
    const sums = new ChunkDigests(size, maxAhead);
    if (count > 0) sums.#makeRoom(count - 1);
    sums.#entries.set(encoded.subarray(0, count * ENTRY_SIZE));
    sums.#added.fill(1, 0, count);
    sums.#contiguousChunks = count;
    return sums;
  }

  #indexOf(offset: number, length: number): number {
    return this.#isGrowing ? this.#next(offset, length) : this.#place(offset, length);
  }

  /** The place of a chunk of a growing file, which comes after all others. */
  #next(offset: number, length: number): number {
    if (offset !== this.#size) throw badChunk(offset, `the next one begins at ${this.#size}`);
    if (offset % CHUNK_SIZE !== 0) throw badChunk(offset, "the previous one was the last");
    if (length === 0 || length > CHUNK_SIZE) throw badChunk(offset, `it has ${length} bytes`);
    return offset / CHUNK_SIZE;
  }

  #place(offset: number, length: number): number {
    const index = offset / CHUNK_SIZE;
    if (!Number.isInteger(index) || index >= chunkCount(this.size)) {
      throw badChunk(offset, `the file has ${this.size} bytes`);
    }
    const expected = chunkSize(this.size, index);
    if (length !== expected) throw badChunk(offset, `it has ${length} bytes, not ${expected}`);
    if (this.#added[index] === 1) throw badChunk(offset, "it was already received");
    if (index > this.#contiguousChunks + this.#maxAhead) {
      throw badChunk(offset, "too many chunks before it are missing");
    }
    return index;
  }

  #makeRoom(index: number): void {
    if (index < this.#added.length) return;
    const count = Math.max(index + 1, 2 * this.#added.length);
    this.#entries = grown(this.#entries, count * ENTRY_SIZE);
    this.#added = grown(this.#added, count);
  }

  /** Adds the next chunk to the sums. */
  #sumUp(summed: Summed): void {
    const index = summed.tree.count;
    const next = this.#remainderAt(index);
    const length = chunkSize(this.size, index);
    summed.remainder = length === CHUNK_SIZE
      ? combineWhole(summed.remainder, next)
      : combine(summed.remainder, next, length);
    summed.tree.add(this.#digestAt(index));
  }

  #remainderAt(index: number): number {
    return new DataView(this.#entries.buffer).getUint32(index * ENTRY_SIZE + DIGEST_SIZE, true);
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
