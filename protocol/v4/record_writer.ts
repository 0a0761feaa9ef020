/**
 * Writes the records of a message into one buffer, after the header of their frame (docs/protocol-4.md, "Records").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { ENTRY_KINDS, type EntryKind, MODE_BITS } from "../entry.ts";
import { clampNanoseconds } from "../nanoseconds.ts";
import { DIGEST_SIZE } from "./merkle_tree.ts";
import { type BulkKind, FRAME_HEADER_SIZE, MAX_BULK, MESSAGES } from "./messages.ts";
import { MAX_RECORDS } from "./record_reader.ts";

/** The size of the first buffer, in bytes, enough for a few records. It grows up to a whole frame. */
const FIRST_SIZE = 4 * 1024;
const NO_MODE = 0xffff;
const NS_PER_SECOND = 1_000_000_000n;
const MS_PER_SECOND = 1000;
const NS_PER_MS = 1_000_000;
const HIGH_WORD = 2 ** 32;
/** The most bytes of UTF-8 of one unit of a string. */
const MAX_UNIT = 3;
/** The longest text, in bytes. */
const MAX_TEXT = 0xffff;

const utf8 = new TextEncoder();

/** A time within the range of a `Date`: whole milliseconds since 1970, rounded down, and the nanoseconds beyond them. */
export interface SplitTime {
  /** Milliseconds. */
  readonly ms: number;
  /** 0 to 999,999. */
  readonly ns: number;
}

/**
 * Collects records for one message. Its buffer is used again after {@link reset}. Methods throw `RangeError` for values
 * that have no encoding.
 */
export abstract class RecordWriter {
  /** The message that carries the records. */
  readonly messageKind: BulkKind;
  readonly #maxRecords: number;
  #bytes: Bytes;
  #view: DataView<ArrayBuffer>;
  /** Where the next field is written. */
  #at = FRAME_HEADER_SIZE;
  /** Where the last complete record ends. */
  #end = FRAME_HEADER_SIZE;
  #count = 0;

  /** `capacity`: the bytes of records to expect, so that the buffer need not grow. */
  constructor(kind: BulkKind, capacity = FIRST_SIZE, maxRecords = MAX_RECORDS) {
    this.messageKind = kind;
    this.#maxRecords = maxRecords;
    this.#bytes = new Uint8Array(FRAME_HEADER_SIZE + Math.min(capacity, MAX_BULK));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The number of complete records. */
  get count(): number {
    return this.#count;
  }

  /** The size of the complete records in bytes. */
  get size(): number {
    return this.#end - FRAME_HEADER_SIZE;
  }

  /** The complete records, as a view. */
  get payload(): Bytes {
    return this.#bytes.subarray(FRAME_HEADER_SIZE, this.#end);
  }

  /** The frame with the complete records, as a view, which is valid until the next record or {@link reset}. */
  frame(tag: number): Bytes {
    this.#view.setUint8(0, MESSAGES[this.messageKind].type);
    this.#view.setUint32(1, tag, true);
    this.#view.setUint32(5, this.size, true);
    return this.#bytes.subarray(0, this.#end);
  }

  /** Removes all records. */
  reset(): void {
    this.#at = this.#end = FRAME_HEADER_SIZE;
    this.#count = 0;
  }

  /**
   * Begins a record of at most `size` bytes besides a name. Returns `false` if it no longer fits; a record always fits
   * into an empty message. A record that was begun before and not ended is dropped.
   */
  protected beginRecord(size: number, name = ""): boolean {
    this.#at = this.#end;
    if (this.#count === this.#maxRecords) return false;
    const end = this.#end + size + 2 + MAX_UNIT * name.length;
    if (end > FRAME_HEADER_SIZE + MAX_BULK) {
      if (this.#count === 0) throw new RangeError("cannot encode a record that is too large");
      return false;
    }
    if (end > this.#bytes.length) this.#grow(end);
    return true;
  }

  /** Completes the record. */
  protected endRecord(): void {
    this.#end = this.#at;
    this.#count++;
  }

  /** The next `size` bytes of the record, which the caller fills. Returns where they begin. */
  protected skip(size: number): number {
    const begin = this.#at;
    this.#at += size;
    return begin;
  }

  /** The buffer, with the header of the frame. */
  protected get bytes(): Bytes {
    return this.#bytes;
  }

  /** A byte. */
  protected u8(value: number): void {
    this.#view.setUint8(this.skip(1), value);
  }

  /** A `u32`. */
  protected u32(value: number): void {
    this.#view.setUint32(this.skip(4), value, true);
  }

  /** A number of at most 2^53 − 1 as a `u64`, or of at least −2^53 + 1 as an `i64`. */
  protected u64(value: number): void {
    const begin = this.skip(8);
    this.#view.setUint32(begin, value % HIGH_WORD, true);
    this.#view.setInt32(begin + 4, Math.floor(value / HIGH_WORD), true);
  }

  /** At most `max` bytes of a text; a longer one is cut between two characters if `max` is given. */
  protected text(value: string, max = MAX_TEXT): void {
    const begin = this.skip(2);
    const room = this.#bytes.subarray(this.#at, this.#at + max);
    const { read, written } = utf8.encodeInto(value, room);
    if (read < value.length && max === MAX_TEXT) {
      throw new RangeError("cannot encode a text of more than 65,535 bytes");
    }
    this.#view.setUint16(begin, written, true);
    this.#at += written;
  }

  /** A `kind`. */
  protected kind(value: EntryKind): void {
    this.u8(ENTRY_KINDS.indexOf(value));
  }

  /** A `mode`. */
  protected mode(value: number | undefined): void {
    if (value !== undefined && (value & ~MODE_BITS) !== 0) {
      throw new RangeError(`cannot encode ${value} as a mode`);
    }
    this.#view.setUint16(this.skip(2), value ?? NO_MODE, true);
  }

  /** A `time`, in nanoseconds or split. */
  protected time(value: bigint | SplitTime): void {
    if (typeof value === "object") {
      const { ms, ns } = value;
      const seconds = Math.floor(ms / MS_PER_SECOND);
      this.u64(seconds);
      return this.u32((ms - seconds * MS_PER_SECOND) * NS_PER_MS + ns);
    }
    const time = clampNanoseconds(value);
    const seconds = time / NS_PER_SECOND - (time % NS_PER_SECOND < 0n ? 1n : 0n);
    this.u64(Number(seconds));
    this.u32(Number(time - seconds * NS_PER_SECOND));
  }

  /** A `hash`. */
  protected digest(value: Bytes): void {
    if (value.length !== DIGEST_SIZE) {
      throw new RangeError(`cannot encode ${value.length} bytes as a digest`);
    }
    this.put(value);
  }

  /** Bytes as they are. */
  protected put(value: Bytes): void {
    this.#bytes.set(value, this.skip(value.length));
  }

  #grow(needed: number): void {
    const size = Math.min(Math.max(needed, 2 * this.#bytes.length), FRAME_HEADER_SIZE + MAX_BULK);
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
