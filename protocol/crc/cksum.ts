/**
 * POSIX cksum (IEEE Std 1003.1, utility `cksum`): the CRC-32 of the bytes and then of their count, least significant
 * byte first and without leading zeros; complemented.
 *
 * @module
 */
import { fastest } from "./reflected.ts";
import { bySlicing } from "./slicing.ts";
import { step } from "./table.ts";

/** From so many bytes on the fastest engine is worth what it takes to load it. */
const WORTHWHILE_SIZE = 4 * 1024 * 1024;

/** Checksum of bytes that arrive in pieces. */
export class Cksum {
  #remainder = 0;
  #size = 0;

  /** Bytes taken in so far. */
  get size(): number {
    return this.#size;
  }

  /** The remainder of the bytes so far, without their count: what {@link combine} takes. */
  get remainder(): number {
    return this.#remainder;
  }

  update(bytes: Uint8Array): this {
    this.#size += bytes.length;
    this.#remainder = continueRemainder(this.#remainder, bytes, this.#size);
    return this;
  }

  /** The unsigned 32-bit checksum of everything so far; more may follow. */
  digest(): number {
    return digestOf(this.#remainder, this.#size);
  }
}

/** The remainder behind `bytes`, of which, and of what is summed up with them, there are `size` in all. */
export function continueRemainder(remainder: number, bytes: Uint8Array, size: number): number {
  return (size < WORTHWHILE_SIZE ? bySlicing : fastest)(remainder, bytes);
}

/** The checksum of `size` bytes that leave this remainder. */
export function digestOf(remainder: number, size: number): number {
  let register = remainder;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) {
    register = step(register, rest % 256);
  }
  return ~register >>> 0;
}

/** The checksum of `bytes` in one go. */
export function cksum(bytes: Uint8Array): number {
  return new Cksum().update(bytes).digest();
}
