/**
 * The randomness of the server. Injected, so that a recorded session can be replayed.
 *
 * @module
 */
import type { Bytes } from "../protocol/bytes.ts";
import { CLIENT_ID_SIZE } from "../protocol/header.ts";
import { wrapKey } from "../protocol/cipher/rsa.ts";

/** Ids and keys. */
export interface Random {
  /** A new client id: 16 bytes. */
  clientId(): Bytes;
  /** A new AES key of `size` bytes. */
  aesKey(size: number): Bytes;
  /** Encrypts an AES key for a public key: RSAES-OAEP, whose padding is random. Throws `ProtocolError` `bad-public-key`. */
  wrap(publicKey: Bytes, aesKey: Bytes): Promise<Bytes>;
}

/** Some clients print these bytes of an id without a leading zero digit, and then read back a shorter id. */
const TWO_DIGIT_POSITIONS: readonly number[] = [7, 15];
const SMALLEST_TWO_DIGITS = 0x10;

export const systemRandom: Random = {
  clientId() {
    const id = withoutZeros(CLIENT_ID_SIZE);
    for (const position of TWO_DIGIT_POSITIONS) {
      while ((id[position] as number) < SMALLEST_TWO_DIGITS) {
        crypto.getRandomValues(id.subarray(position, position + 1));
      }
    }
    return id;
  },
  aesKey: withoutZeros,
  wrap: wrapKey,
};

/** Random bytes, each 1 to 255: some clients take ids and keys for NUL-terminated strings. */
function withoutZeros(size: number): Bytes {
  const bytes = crypto.getRandomValues(new Uint8Array(size));
  for (let i = 0; i < size; i++) {
    while (bytes[i] === 0) crypto.getRandomValues(bytes.subarray(i, i + 1));
  }
  return bytes;
}
