/**
 * The remainder of two runs of bytes from the remainders of each, so that they can be found side by side.
 *
 * @module
 */
import { POLYNOMIAL } from "./table.ts";

/** Remainders are polynomials: bit 31 is the coefficient of x^31. */
const ONE = 1;
/** x^8, by which a byte more multiplies. */
const X8 = 1 << 8;

/**
 * The remainder of A followed by B. `crcA` and `crcB` are remainders of the bytes alone, without their count
 * (`Cksum.remainder`), `lengthB` is the count of B's bytes.
 */
export function combine(crcA: number, crcB: number, lengthB: number): number {
  return combiner(lengthB)(crcA, crcB);
}

/** {@link combine} for many runs of one length, whose power is found once. */
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
