/**
 * Reads the records of a message in place (docs/protocol-4.md, "Records").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { ENTRY_KINDS, type EntryKind, MODE_BITS } from "../entry.ts";
import { cksum } from "../crc/cksum.ts";
import { type ContentSums, sumsInPlace } from "./content_sums.ts";
import { badFrame, MAX_TIME } from "./fields.ts";
import { DIGEST_SIZE, hasDigestInPlace } from "./merkle_tree.ts";
import type { MessageKind } from "./messages.ts";

/** The most records of a `pack`, `update` or `fetch`, and results of a `packed`. */
export const MAX_RECORDS = 1024;
/** The size of a `time` in bytes. */
export const TIME_SIZE = 12;

const NO_MODE = 0xffff;
const NS_PER_MS = 1_000_000;
const NS_PER_SECOND = 1_000_000_000;
const HIGH_WORD = 2 ** 32;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A cursor over the records of one payload, which must not change meanwhile. It has the fields of the record that `next`
 * has reached, so a record costs no object. Bytes are views of the payload. All methods throw `ProtocolError`
 * `bad-frame` for records that break their layout.
 */
export abstract class RecordReader {
  readonly #kind: MessageKind;
  readonly #max: number;
  /** The payload. */
  protected readonly bytes: Bytes;
  /** The payload as numbers. */
  protected readonly view: DataView<ArrayBuffer>;
  #index = -1;
  #end = 0;

  /** Reads the payload of one message. */
  constructor(kind: MessageKind, payload: Bytes, max = MAX_RECORDS) {
    this.#kind = kind;
    this.#max = max;
    this.bytes = payload;
    this.view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  /** The index of the current record, from 0; −1 before the first. */
  get index(): number {
    return this.#index;
  }

  /** Goes to the next record. Returns `false` after the last one. */
  next(): boolean {
    if (this.#end === this.bytes.length) {
      if (this.#index === -1) throw badFrame(`${this.#kind} has no record`);
      return false;
    }
    if (this.#index + 1 === this.#max) {
      throw badFrame(`${this.#kind} has more than ${this.#max} records`);
    }
    this.#index++;
    this.read();
    return true;
  }

  /** Reads the record that begins at `#end`: takes and checks its fields. */
  protected abstract read(): void;

  /** Takes the next `size` bytes. Returns where they begin. */
  protected take(size: number): number {
    const begin = this.#end;
    if (size > this.bytes.length - begin) throw badFrame(`${this.#kind} ends within a record`);
    this.#end = begin + size;
    return begin;
  }

  /** Takes a `text`. */
  protected takeText(): string {
    const size = this.view.getUint16(this.take(2), true);
    const begin = this.take(size);
    try {
      return strict.decode(this.bytes.subarray(begin, begin + size));
    } catch (cause) {
      throw badFrame(`a text of ${this.#kind} is not UTF-8`, cause);
    }
  }

  /** Takes a `kind`. */
  protected takeKind(): EntryKind {
    const number = this.view.getUint8(this.take(1));
    const kind = ENTRY_KINDS[number];
    if (kind === undefined) throw badFrame(`${number} is no kind of entry`);
    return kind;
  }

  /** Takes a `mode`. */
  protected takeMode(): number | undefined {
    const mode = this.view.getUint16(this.take(2), true);
    if (mode === NO_MODE) return undefined;
    if (mode > MODE_BITS) throw badFrame(`${mode} is no mode`);
    return mode;
  }

  /** Returns where it begins. */
  protected takeTime(): number {
    const begin = this.take(TIME_SIZE);
    const nanoseconds = this.view.getUint32(begin + 8, true);
    if (nanoseconds >= NS_PER_SECOND) throw badFrame(`a time has ${nanoseconds} nanoseconds`);
    return begin;
  }

  /** The whole milliseconds of a `time`, limited to the range of a `Date`. */
  protected msAt(begin: number): number {
    const seconds = this.signedAt(begin);
    const ms = seconds * 1000 + Math.floor(this.view.getUint32(begin + 8, true) / NS_PER_MS);
    return Math.max(-MAX_TIME, Math.min(ms, MAX_TIME));
  }

  /** The nanoseconds of a `time` beyond its whole milliseconds, 0 to 999,999. */
  protected nsAt(begin: number): number {
    const seconds = this.signedAt(begin);
    const isClamped = seconds >= MAX_TIME / 1000 || seconds < -MAX_TIME / 1000;
    return isClamped ? 0 : this.view.getUint32(begin + 8, true) % NS_PER_MS;
  }

  /** An `i64`, exact up to 2^53. */
  protected signedAt(begin: number): number {
    return this.view.getInt32(begin + 4, true) * HIGH_WORD + this.view.getUint32(begin, true);
  }

  /** A `u64`; numbers above 2^53 − 1 are read as that. */
  protected unsignedAt(begin: number): number {
    const number = this.view.getUint32(begin + 4, true) * HIGH_WORD +
      this.view.getUint32(begin, true);
    return Math.min(number, Number.MAX_SAFE_INTEGER);
  }

  /** A `hash`, as a view. */
  protected digestAt(begin: number): Bytes {
    return this.bytes.subarray(begin, begin + DIGEST_SIZE);
  }

  /** The sums of a content in the payload, unless they are those that begin at `sums`. */
  protected differenceAt(begin: number, size: number, sums: number): ContentSums | undefined {
    const { bytes, view } = this;
    const end = begin + size;
    const isSame = cksum(bytes.subarray(begin, end)) === view.getUint32(sums, true) &&
      hasDigestInPlace(bytes, begin, end, sums + 4);
    return isSame ? undefined : sumsInPlace(bytes, begin, end);
  }
}

/**
 * Reads all records, so that none takes effect if another breaks its layout. Returns how many they are. Throws
 * `ProtocolError` `bad-frame`.
 */
export function checkRecords(reader: RecordReader): number {
  while (reader.next());
  return reader.index + 1;
}
