/**
 * Bytes of many rows in one value.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";

/** The place of bytes in a bag, for `substring`. */
export interface BagPlace {
  /** From 1. */
  readonly at: number;
  readonly size: number;
}

/** Bytes of many rows, one after another. */
export class ByteBag {
  readonly #parts: Bytes[] = [];
  #size = 0;

  /** Adds bytes; without any, there is no place for them. */
  add(bytes: Bytes | undefined): BagPlace | undefined {
    if (bytes === undefined) return undefined;
    const at = this.#size + 1;
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return { at, size: bytes.length };
  }

  /** All bytes. */
  get bytes(): Bytes {
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}
