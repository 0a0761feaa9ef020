/**
 * POSIX cksum (IEEE Std 1003.1, utility `cksum`): CRC-32 with polynomial 0x04C11DB7, not reflected, initial value 0,
 * over the bytes and then over their count, least significant byte first and without leading zeros; complemented.
 *
 * @module
 */

const POLYNOMIAL = 0x04c1_1db7;

/** The remainder of each byte value, moved to the top of the register. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder << 1) ^ (remainder < 0 ? POLYNOMIAL : 0);
  }
  return remainder >>> 0;
});

/** Checksum of bytes that arrive in pieces. */
export class Cksum {
  #register = 0;
  #size = 0;

  /** Bytes taken in so far. */
  get size(): number {
    return this.#size;
  }

  update(bytes: Uint8Array): this {
    let register = this.#register;
    for (let i = 0; i < bytes.length; i++) register = step(register, bytes[i] as number);
    this.#register = register;
    this.#size += bytes.length;
    return this;
  }

  /** The unsigned 32-bit checksum of everything so far; more may follow. */
  digest(): number {
    let register = this.#register;
    for (let rest = this.#size; rest > 0; rest = Math.floor(rest / 256)) {
      register = step(register, rest & 0xff);
    }
    return ~register >>> 0;
  }
}

function step(register: number, byte: number): number {
  return (register << 8) ^ (TABLE[(register >>> 24) ^ byte] as number);
}

/** The checksum of `bytes` in one go. */
export function cksum(bytes: Uint8Array): number {
  return new Cksum().update(bytes).digest();
}
