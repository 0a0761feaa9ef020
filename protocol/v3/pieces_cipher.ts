/**
 * The cipher of clients with the quirk `pieces`: a long file is cut into pieces, and each is encrypted as a message of
 * its own, with a zero IV and padding.
 *
 * @module
 */
import { FIRST_PIECE, FURTHER_PIECE, type Quirks } from "./editions/quirks.ts";
import { type Bytes, concatBytes } from "../bytes.ts";
import { CbcDecryptor, CbcEncryptor, ciphertextSize } from "../cipher/aes_cbc.ts";

const NOTHING: Bytes = new Uint8Array(0);

/** Whether a file of this size, in bytes, is sent in more than one piece. */
export function inPieces(quirks: Quirks, plaintextSize: number): boolean {
  return quirks.has("pieces") && plaintextSize > FIRST_PIECE;
}

/** The size of the ciphertext, in bytes, of a file in pieces. */
export function piecesSize(plaintextSize: number): number {
  let size = ciphertextSize(Math.min(plaintextSize, FIRST_PIECE));
  const rest = Math.max(0, plaintextSize - FIRST_PIECE);
  size += Math.floor(rest / FURTHER_PIECE) * ciphertextSize(FURTHER_PIECE);
  const last = rest % FURTHER_PIECE;
  return last > 0 ? size + ciphertextSize(last) : size;
}

/** Encrypts a file for the quirk `pieces`: 720 bytes, then 1008 each. Await each call before the next. */
export class PiecesEncryptor {
  readonly #key: CryptoKey;
  #rest = NOTHING;
  #pieceSize = FIRST_PIECE;

  /** `key`: from `importAesKey`. */
  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Adds plaintext. Returns the ciphertext of all whole pieces but the last. */
  async update(plaintext: Bytes): Promise<Bytes> {
    let input = concatBytes(this.#rest, plaintext);
    const ciphertext: Bytes[] = [];
    while (input.length > this.#pieceSize) {
      ciphertext.push(await new CbcEncryptor(this.#key).final(input.subarray(0, this.#pieceSize)));
      input = input.subarray(this.#pieceSize);
      this.#pieceSize = FURTHER_PIECE;
    }
    this.#rest = input.slice();
    return concatBytes(...ciphertext);
  }

  /** Adds the last plaintext. Returns the rest of the ciphertext. */
  async final(plaintext: Bytes = NOTHING): Promise<Bytes> {
    const before = await this.update(plaintext);
    return concatBytes(before, await new CbcEncryptor(this.#key).final(this.#rest));
  }
}

/**
 * Decrypts a file that may be in pieces. It is if its first bytes decrypt to a whole first piece with valid padding,
 * which those of other files do not unless they were crafted. Calls may overlap; they run one after another.
 */
export class PiecesDecryptor {
  readonly #key: CryptoKey;
  #rest = NOTHING;
  #pieceSize = ciphertextSize(FIRST_PIECE);
  #whole: CbcDecryptor | undefined;
  #before: Promise<unknown> = Promise.resolve();

  /** `key`: from `importAesKey`. */
  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Adds ciphertext. Returns the plaintext that is known by now. */
  update(ciphertext: Bytes): Promise<Bytes> {
    const copy = ciphertext.slice();
    return this.#inTurn(() => this.#update(copy));
  }

  /** Returns the plaintext of the last piece. Throws `IntegrityError` `bad-padding`. */
  final(): Promise<Bytes> {
    return this.#inTurn(() => this.#final());
  }

  #inTurn(work: () => Promise<Bytes>): Promise<Bytes> {
    const result = this.#before.then(work);
    this.#before = result.catch(() => undefined);
    return result;
  }

  async #update(ciphertext: Bytes): Promise<Bytes> {
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

  async #final(): Promise<Bytes> {
    if (this.#whole !== undefined) return await this.#whole.final();
    return await new CbcDecryptor(this.#key).whole(this.#rest);
  }

  /** Decrypts a piece that is not the last. Returns `undefined` if the file is not in pieces. */
  async #piece(ciphertext: Bytes): Promise<Bytes | undefined> {
    const first = this.#pieceSize === ciphertextSize(FIRST_PIECE);
    if (!first) return await new CbcDecryptor(this.#key).whole(ciphertext);
    try {
      const plaintext = await new CbcDecryptor(this.#key).whole(ciphertext);
      return plaintext.length === FIRST_PIECE ? plaintext : undefined;
    } catch {
      return undefined;
    }
  }
}
