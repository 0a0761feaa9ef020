/**
 * The CRC-32 of POSIX cksum, a byte at a time: the polynomial 0x04C11DB7, not reflected, initial value 0. Tests compare
 * the faster engines with it, and they use it for the last bytes that fill no block.
 *
 * @module
 */

export const POLYNOMIAL = 0x04c1_1db7;

/** Continues a remainder (32 bits, of either sign) with bytes. Returns the new remainder. */
export type Engine = (remainder: number, bytes: Uint8Array) => number;

/** The remainder of each byte value, in the top bits of the register. */
export const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder << 1) ^ (remainder < 0 ? POLYNOMIAL : 0);
  }
  return remainder >>> 0;
});

export const byTable: Engine = (remainder, bytes) => {
  let register = remainder;
  for (let i = 0; i < bytes.length; i++) register = step(register, bytes[i] as number);
  return register >>> 0;
};

/** Continues a register with one byte. */
export function step(register: number, byte: number): number {
  return (register << 8) ^ (TABLE[(register >>> 24) ^ byte] as number);
}
