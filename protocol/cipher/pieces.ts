/**
 * Ciphertext of clients with the habit `pieces`: a long file is cut, and each piece is encrypted as a message of its
 * own, with a zero IV and padding.
 *
 * @module
 */
import { FIRST_PIECE, FURTHER_PIECE } from "../habits.ts";
import { type Bytes, concatBytes } from "../wire.ts";
import { CbcDecryptor, ciphertextSize } from "./aes_cbc.ts";

const NOTHING: Bytes = new Uint8Array(0);

/**
 * Decrypts a file that is perhaps in pieces: it is when its first bytes decrypt to a whole first piece, padding
 * included, which those of a file in one would do only if they were made to. Await each call before the next.
 */
export class PiecesDecryptor {
  readonly #key: CryptoKey;
  #rest = NOTHING;
  #pieceSize = ciphertextSize(FIRST_PIECE);
  #whole: CbcDecryptor | undefined;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  async update(ciphertext: Bytes): Promise<Bytes> {
    if (this.#whole !== undefined) return await this.#whole.update(ciphertext);
    let input = concatBytes(this.#rest, ciphertext);
    const plaintext: Bytes[] = [];
    while (input.length > this.#pieceSize && this.#whole === undefined) {
      const piece = await this.#piece(input.subarray(0, this.#pieceSize));
      if (piece === undefined) {
        this.#whole = new CbcDecryptor(this.#key);
        return await this.#whole.update(input);
      }
      plaintext.push(piece);
      input = input.subarray(this.#pieceSize);
      this.#pieceSize = ciphertextSize(FURTHER_PIECE);
    }
    this.#rest = input.slice();
    return concatBytes(...plaintext);
  }

  /** The plaintext of the last piece. Throws `IntegrityError` `bad-padding`. */
  async final(): Promise<Bytes> {
    if (this.#whole !== undefined) return await this.#whole.final();
    return await decryptWhole(this.#key, this.#rest);
  }

  /** A piece that is not the last, or `undefined` where the first is none. */
  async #piece(ciphertext: Bytes): Promise<Bytes | undefined> {
    const first = this.#pieceSize === ciphertextSize(FIRST_PIECE);
    if (!first) return await decryptWhole(this.#key, ciphertext);
    try {
      const plaintext = await decryptWhole(this.#key, ciphertext);
      return plaintext.length === FIRST_PIECE ? plaintext : undefined;
    } catch {
      return undefined;
    }
  }
}

async function decryptWhole(key: CryptoKey, ciphertext: Bytes): Promise<Bytes> {
  const decryptor = new CbcDecryptor(key);
  return concatBytes(await decryptor.update(ciphertext), await decryptor.final());
}
