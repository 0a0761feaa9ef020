/**
 * Combines the remainders of two byte sequences, so that parts of a file can be summed in parallel.
 *
 * @module
 */
import { POLYNOMIAL } from "./table.ts";

/** A remainder is a polynomial: bit 31 is the coefficient of x^31. */
const ONE = 1;
/** x^8, the factor for one more byte. */
const X8 = 1 << 8;

/**
 * The remainder of A followed by B. `crcA` and `crcB`: remainders without the count of bytes (`Cksum.remainder`);
 * `lengthB`: bytes of B.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cksum, combine } from "@xfer/xfer/protocol/v4";
 *
 * const [a, b] = [new Uint8Array(1000).fill(1), new Uint8Array(500).fill(2)];
 * const combined = combine(new Cksum().update(a).remainder, new Cksum().update(b).remainder, b.length);
 * assert(combined === new Cksum().update(a).update(b).remainder);
 * ```
 */
export function combine(crcA: number, crcB: number, lengthB: number): number {
  return combiner(lengthB)(crcA, crcB);
}

/** {@link combine} for many sequences of one length. Computes the costly part once. */
export function combiner(lengthB: number): (crcA: number, crcB: number) => number {
  const shift = power(lengthB);
  return (crcA, crcB) => (multiply(crcA, shift) ^ crcB) >>> 0;
}

/** x^(8·count) modulo the polynomial, by squaring. */
function power(count: number): number {
  let result = ONE;
  let square = X8;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

/** The product of two polynomials over GF(2), modulo the CRC's. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 31; bit >= 0; bit--) {
    product = (product << 1) ^ (product < 0 ? POLYNOMIAL : 0);
    if ((b >>> bit) & 1) product ^= a;
  }
  return product >>> 0;
}
