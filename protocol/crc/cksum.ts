/**
 * POSIX cksum (IEEE Std 1003.1, utility `cksum`): the CRC-32 of the bytes and then of their count, least significant
 * byte first and without leading zeros; complemented.
 *
 * @module
 */
import { fastest } from "./reflected.ts";
import { bySlicing } from "./slicing.ts";
import { step } from "./table.ts";

/**
 * In bytes, of all sums that the program computes. For fewer bytes, loading the fastest engine takes longer than it
 * saves.
 */
const WORTHWHILE_SIZE = 4 * 1024 * 1024;
/** In bytes. Pieces below this size are summed faster without the fastest engine. */
const WORTHWHILE_PIECE = 128;

/** Bytes summed so far, as far as they matter for the choice of the engine. */
let summed = 0;

/**
 * POSIX cksum of bytes that arrive in pieces.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cksum } from "@xfer/xfer/protocol/v3";
 *
 * const sum = new Cksum();
 * for (const piece of ["1234", "56789"]) sum.update(new TextEncoder().encode(piece));
 * assert(sum.digest() === 930766865); // printf 123456789 | cksum
 * ```
 */
export class Cksum {
  #remainder = 0;
  #size = 0;

  /** The number of bytes added so far. */
  get size(): number {
    return this.#size;
  }

  /** The remainder of the bytes so far, without their count, as `combine` expects it. */
  get remainder(): number {
    return this.#remainder;
  }

  /** Adds bytes. */
  update(bytes: Uint8Array): this {
    this.#size += bytes.length;
    this.#remainder = continueRemainder(this.#remainder, bytes);
    return this;
  }

  /** The checksum of the bytes so far, an unsigned 32-bit number. More bytes may follow. */
  digest(): number {
    return digestOf(this.#remainder, this.#size);
  }
}

/** Continues a remainder with more bytes. */
export function continueRemainder(remainder: number, bytes: Uint8Array): number {
  if (summed < WORTHWHILE_SIZE) summed += bytes.length;
  const isWorthwhile = summed >= WORTHWHILE_SIZE && bytes.length >= WORTHWHILE_PIECE;
  return (isWorthwhile ? fastest : bySlicing)(remainder, bytes);
}

/** The checksum of `size` bytes with this remainder. */
export function digestOf(remainder: number, size: number): number {
  let register = remainder;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) {
    register = step(register, rest % 256);
  }
  return ~register >>> 0;
}

/** The POSIX cksum of bytes, an unsigned 32-bit number. */
export function cksum(bytes: Uint8Array): number {
  return new Cksum().update(bytes).digest();
}
