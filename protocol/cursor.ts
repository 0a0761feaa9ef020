/**
 * Reads and writes fields in bytes, with bounds checks. All numbers are little endian.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";

/** Reads fields one after another. Throws `ProtocolError` `truncated` instead of reading past the end. */
export class ByteReader {
  readonly #bytes: Bytes;
  readonly #view: DataView<ArrayBuffer>;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** Returns the remaining bytes, as a view of the input. */
  rest(): Bytes {
    return this.bytes(this.remaining);
  }

  /** Returns the next `size` bytes, as a view of the input. */
  bytes(size: number): Bytes {
    const start = this.#advance(size);
    return this.#bytes.subarray(start, start + size);
  }

  #advance(size: number): number {
    if (size > this.remaining) {
      throw new ProtocolError(
        "truncated",
        `cannot read a field of ${size} bytes: only ${this.remaining} bytes are left`,
      );
    }
    const start = this.#offset;
    this.#offset += size;
    return start;
  }
}

/** Writes fields one after another into a buffer of a given size. Throws `RangeError` past its end. */
export class ByteWriter {
  readonly bytes: Bytes;
  readonly #view: DataView<ArrayBuffer>;
  #offset = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#offset, value);
    return this.#advance(1);
  }

  u16(value: number): this {
    this.#view.setUint16(this.#offset, value, true);
    return this.#advance(2);
  }

  u32(value: number): this {
    this.#view.setUint32(this.#offset, value, true);
    return this.#advance(4);
  }

  u64(value: bigint): this {
    this.#view.setBigUint64(this.#offset, value, true);
    return this.#advance(8);
  }

  put(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.#offset);
    return this.#advance(bytes.length);
  }

  #advance(size: number): this {
    this.#offset += size;
    return this;
  }
}
