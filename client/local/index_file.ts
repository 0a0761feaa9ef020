/**
 * The file of a {@link DigestIndex}: a header, then blocks with checksums, each of whole records in ascending order of
 * their keys. A reader ends at the first block that is damaged or not complete.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Bytes } from "../../protocol/bytes.ts";
import { DIGEST_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { EntryStat } from "./entry_stat.ts";

/** Version 2. A file with another header is ignored. */
const HEADER = new TextEncoder().encode("xfer index v02\n\n");
/** The bytes of records in a block, at most. */
const BLOCK_SIZE = 64 * 1024;
/** Before each block: its length and its CRC-32. */
const BLOCK_HEADER = 8;
/** The most bytes of an index: about five million files with names of usual length. */
const MAX_INDEX = 512 * 1024 * 1024;
/** Before the key: its length. After it: {@link writeStat}, `seenAt`, then the digest. */
const KEY_HEADER = 2;
export const STAT_SIZE = 48;
const TIME_SIZE = 8;
const FIXED_SIZE = STAT_SIZE + TIME_SIZE + DIGEST_SIZE;

/** `seenAt` of a digest that is trusted. */
export const TRUSTED = 0;

/** Writes the records of a new index. The first error ends it: see {@link IndexWriter.isComplete}. */
export class IndexWriter implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #block: Bytes = new Uint8Array(BLOCK_HEADER + BLOCK_SIZE);
  readonly #view = new DataView(this.#block.buffer);
  #at = BLOCK_HEADER;
  #size = HEADER.length;

  /** Creates the file. Throws what Deno throws. */
  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    try {
      writeAll(this.#file, HEADER);
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /**
   * Adds a record, whose key comes after those before. Leaves it out once the index is too large. `seenAt`:
   * {@link TRUSTED}, or when the entry was first seen in this state, in milliseconds since 1970.
   */
  add(key: Bytes, stat: EntryStat, digest: Bytes, seenAt: number): void {
    if (!this.#makeRoom(KEY_HEADER + key.length + FIXED_SIZE)) return;
    this.#addKey(key);
    writeStat(this.#view, this.#at, stat);
    this.#view.setFloat64(this.#at + STAT_SIZE, seenAt, true);
    this.#block.set(digest, this.#at + STAT_SIZE + TIME_SIZE);
    this.#at += FIXED_SIZE;
  }

  /** Adds the record at which a reader stands. */
  copy(reader: IndexReader): void {
    const { record } = reader;
    if (!this.#makeRoom(record.length)) return;
    this.#block.set(record, this.#at);
    this.#at += record.length;
  }

  /** Writes what is left. Throws what Deno throws. */
  flush(): void {
    const length = this.#at - BLOCK_HEADER;
    if (length === 0) return;
    this.#view.setUint32(0, length, true);
    this.#view.setUint32(4, crc32(this.#block.subarray(BLOCK_HEADER, this.#at)), true);
    writeAll(this.#file, this.#block.subarray(0, this.#at));
    this.#size += this.#at;
    this.#at = BLOCK_HEADER;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #makeRoom(size: number): boolean {
    if (this.#at + size > this.#block.length) this.flush();
    return this.#size + this.#at + size <= MAX_INDEX;
  }

  #addKey(key: Bytes): void {
    this.#view.setUint16(this.#at, key.length, true);
    this.#block.set(key, this.#at + KEY_HEADER);
    this.#at += KEY_HEADER + key.length;
  }
}

/** Reads the records of an index in order. */
export class IndexReader implements Disposable {
  readonly #file: Deno.FsFile;
  #block: Bytes = new Uint8Array();
  #view = new DataView(this.#block.buffer);
  /** The record at which the reader stands, and its key. */
  #at = 0;
  #keyLength = 0;
  #hasEnded = false;

  /** Opens an index at its first record. Throws what Deno throws; `RangeError` if it is none. */
  constructor(path: string) {
    // Opening a FIFO would wait for its writer.
    if (!Deno.statSync(path).isFile) throw new RangeError("it is not a file");
    this.#file = Deno.openSync(path, { read: true });
    const header = new Uint8Array(HEADER.length);
    if (!readAll(this.#file, header) || Buffer.compare(header, HEADER) !== 0) {
      this.#file.close();
      throw new RangeError("it is not an index of this version");
    }
    this.#readBlock();
  }

  /** Whether no record is left. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The key of the record; valid until `next`. */
  get key(): Bytes {
    const start = this.#at + KEY_HEADER;
    return this.#block.subarray(start, start + this.#keyLength);
  }

  /** All bytes of the record; valid until `next`. */
  get record(): Bytes {
    return this.#block.subarray(this.#at, this.#at + KEY_HEADER + this.#keyLength + FIXED_SIZE);
  }

  /** The digest of the record, if it is trusted and the entry has not changed since; valid until `next`. */
  digestOf(stat: EntryStat): Bytes | undefined {
    if (this.seenAt(stat) !== TRUSTED) return undefined;
    const start = this.#at + KEY_HEADER + this.#keyLength;
    return this.#block.subarray(start + STAT_SIZE + TIME_SIZE, start + FIXED_SIZE);
  }

  /** `seenAt` of the record; `undefined` if the entry has changed since. */
  seenAt(stat: EntryStat): number | undefined {
    const start = this.#at + KEY_HEADER + this.#keyLength;
    if (!hasStat(this.#view, start, stat)) return undefined;
    return this.#view.getFloat64(start + STAT_SIZE, true);
  }

  /** Moves to the first record whose key is not before this one. Returns whether it is this one. */
  seek(key: Bytes): boolean {
    while (!this.#hasEnded) {
      const order = this.#compare(key);
      if (order >= 0) return order === 0;
      this.next();
    }
    return false;
  }

  /** Moves to the next record. */
  next(): void {
    this.#stand(this.#at + KEY_HEADER + this.#keyLength + FIXED_SIZE);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** The order of the record's key and another one. */
  #compare(key: Bytes): number {
    const block = this.#block;
    const start = this.#at + KEY_HEADER;
    const length = Math.min(key.length, this.#keyLength);
    for (let i = 0; i < length; i++) {
      const order = (block[start + i] as number) - (key[i] as number);
      if (order !== 0) return order;
    }
    return this.#keyLength - key.length;
  }

  #stand(at: number): void {
    if (at === this.#block.length) return this.#readBlock();
    if (at + KEY_HEADER + FIXED_SIZE > this.#block.length) return this.#end();
    this.#at = at;
    this.#keyLength = this.#view.getUint16(at, true);
    if (at + KEY_HEADER + this.#keyLength + FIXED_SIZE > this.#block.length) this.#end();
  }

  #readBlock(): void {
    const header = new DataView(new ArrayBuffer(BLOCK_HEADER));
    try {
      if (!readAll(this.#file, new Uint8Array(header.buffer))) return this.#end();
      const length = header.getUint32(0, true);
      if (length === 0 || length > BLOCK_SIZE) return this.#end();
      const block = new Uint8Array(length);
      if (!readAll(this.#file, block) || crc32(block) !== header.getUint32(4, true)) {
        return this.#end();
      }
      this.#block = block;
      this.#view = new DataView(block.buffer);
      this.#stand(0);
    } catch {
      this.#end();
    }
  }

  #end(): void {
    this.#hasEnded = true;
  }
}

/** What identifies the state of an entry: {@link STAT_SIZE} bytes. */
export function statBytes(stat: EntryStat): Bytes {
  const view = new DataView(new ArrayBuffer(STAT_SIZE));
  writeStat(view, 0, stat);
  return new Uint8Array(view.buffer);
}

/** Writes what identifies the state of an entry: {@link STAT_SIZE} bytes. */
function writeStat(view: DataView, at: number, stat: EntryStat): void {
  view.setFloat64(at, stat.size, true);
  view.setFloat64(at + 8, stat.inode, true);
  view.setFloat64(at + 16, stat.mtimeSeconds, true);
  view.setFloat64(at + 24, stat.ctimeSeconds, true);
  view.setUint32(at + 32, stat.mtimeNanoseconds, true);
  view.setUint32(at + 36, stat.ctimeNanoseconds, true);
  view.setUint32(at + 40, stat.deviceMajor, true);
  view.setUint32(at + 44, stat.deviceMinor, true);
}

function hasStat(view: DataView, at: number, stat: EntryStat): boolean {
  return view.getFloat64(at, true) === stat.size &&
    view.getFloat64(at + 8, true) === stat.inode &&
    view.getFloat64(at + 16, true) === stat.mtimeSeconds &&
    view.getFloat64(at + 24, true) === stat.ctimeSeconds &&
    view.getUint32(at + 32, true) === stat.mtimeNanoseconds &&
    view.getUint32(at + 36, true) === stat.ctimeNanoseconds &&
    view.getUint32(at + 40, true) === stat.deviceMajor &&
    view.getUint32(at + 44, true) === stat.deviceMinor;
}

function writeAll(file: Deno.FsFile, bytes: Bytes): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

/** Returns `false` if the file ends first. */
function readAll(file: Deno.FsFile, bytes: Bytes): boolean {
  for (let done = 0; done < bytes.length;) {
    const size = file.readSync(bytes.subarray(done));
    if (size === null) return false;
    done += size;
  }
  return true;
}
