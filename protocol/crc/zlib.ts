/**
 * The CRC-32 of zlib (RFC 1952, 8), which some peers of protocol 3 use instead of POSIX cksum: the same polynomial, but
 * reflected, with an initial value of all ones and without the length.
 *
 * @module
 */
const REFLECTED_POLYNOMIAL = 0xedb8_8320;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder >>> 1) ^ ((remainder & 1) === 1 ? REFLECTED_POLYNOMIAL : 0);
  }
  return remainder >>> 0;
});

/** zlib's CRC-32 (RFC 1952, 8) of bytes that arrive in pieces. Few peers need it, so one table is fast enough. */
export class ZlibCrc {
  #register = -1;

  /** Adds bytes. */
  update(bytes: Uint8Array): this {
    let register = this.#register;
    for (let i = 0; i < bytes.length; i++) {
      register = (register >>> 8) ^ (TABLE[(register ^ (bytes[i] as number)) & 0xff] as number);
    }
    this.#register = register;
    return this;
  }

  /** The checksum of the bytes so far, an unsigned 32-bit number. More bytes may follow. */
  digest(): number {
    return ~this.#register >>> 0;
  }
}
