/**
 * AES-CBC with a zero IV and PKCS#7 padding (NIST SP 800-38A, RFC 5652 6.3) over streams, with WebCrypto, which
 * processes only whole messages.
 *
 * A piece is encrypted as a message whose IV is the last ciphertext block before it, and the padding block is dropped.
 * A piece is decrypted with an extra block at its end that decrypts to padding.
 *
 * @module
 */
import { IntegrityError } from "../errors.ts";
import { release } from "../memory.ts";
import { type Bytes, concatBytes } from "../bytes.ts";

export const BLOCK_SIZE = 16;

const NOTHING: Bytes = new Uint8Array(0);
const ZERO_IV: Bytes = new Uint8Array(BLOCK_SIZE);

/** The size of the ciphertext, in bytes, of a plaintext of this size. Padding adds 1 to 16 bytes. */
export function ciphertextSize(plaintextSize: number): number {
  return plaintextSize - (plaintextSize % BLOCK_SIZE) + BLOCK_SIZE;
}

/** Imports an AES key of 16 or 32 bytes. */
export function importAesKey(key: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-CBC", false, ["encrypt", "decrypt"]);
}

/**
 * Encrypts one message that arrives in pieces: AES-CBC with a zero IV and PKCS#7 padding. Await each call before the
 * next.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CbcDecryptor, CbcEncryptor, importAesKey } from "@xfer/xfer/protocol/v3";
 *
 * const key = await importAesKey(new Uint8Array(16));
 * const encryptor = new CbcEncryptor(key);
 * const begin = await encryptor.update(new Uint8Array(20));
 * const end = await encryptor.final();
 * assert(begin.length === 16 && end.length === 16);
 *
 * const decryptor = new CbcDecryptor(key);
 * const plaintext = [await decryptor.update(begin), await decryptor.update(end), await decryptor.final()];
 * assert(plaintext.reduce((size, piece) => size + piece.length, 0) === 20);
 * ```
 */
export class CbcEncryptor {
  readonly #key: CryptoKey;
  #iv = ZERO_IV;
  #rest = NOTHING;

  /** `key`: from {@link importAesKey}. */
  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Adds plaintext. Returns the ciphertext of all whole blocks that was not returned before. */
  async update(plaintext: Bytes): Promise<Bytes> {
    const input = this.#withRest(plaintext);
    const whole = input.length - (input.length % BLOCK_SIZE);
    this.#rest = input.slice(whole);
    if (whole === 0) return NOTHING;
    const padded = await this.#encrypt(input.subarray(0, whole));
    const ciphertext = padded.subarray(0, whole);
    this.#iv = ciphertext.slice(-BLOCK_SIZE);
    return ciphertext;
  }

  /** Adds the last plaintext. Returns the rest of the ciphertext, with padding. */
  async final(plaintext: Bytes = NOTHING): Promise<Bytes> {
    return await this.#encrypt(this.#withRest(plaintext));
  }

  #withRest(plaintext: Bytes): Bytes {
    return this.#rest.length > 0 ? concatBytes(this.#rest, plaintext) : plaintext;
  }

  async #encrypt(data: Bytes): Promise<Bytes> {
    return new Uint8Array(
      await crypto.subtle.encrypt({ name: "AES-CBC", iv: this.#iv }, this.#key, data),
    );
  }
}

/**
 * Decrypts one message that arrives in pieces: AES-CBC with a zero IV and PKCS#7 padding. Calls may overlap: each
 * copies its input before it returns, and pieces are decrypted independently of each other.
 */
export class CbcDecryptor {
  readonly #key: CryptoKey;
  #iv = ZERO_IV;
  /** Ciphertext not decrypted yet: always the last block, which may contain the padding, and any part of a block. */
  #rest = NOTHING;

  /** `key`: from {@link importAesKey}. */
  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Adds ciphertext. Returns the plaintext of all blocks but the last that was not returned before. */
  async update(ciphertext: Bytes): Promise<Bytes> {
    const available = this.#rest.length + ciphertext.length;
    const whole = available === 0 ? 0 : available - 1 - ((available - 1) % BLOCK_SIZE);
    const input = concatBytes(this.#rest, ciphertext, ZERO_IV);
    this.#rest = input.slice(whole, available);
    if (whole === 0) return NOTHING;
    const iv = this.#iv;
    const last = input.slice(whole - BLOCK_SIZE, whole);
    this.#iv = last;
    input.set(await this.#paddingBehind(last), whole);
    const decrypting = this.#decrypt(iv, input.subarray(0, whole + BLOCK_SIZE));
    // WebCrypto has copied the input.
    release(input);
    return await decrypting;
  }

  /** Decrypts a whole message. Throws `IntegrityError` `bad-padding`. */
  async whole(ciphertext: Bytes): Promise<Bytes> {
    return concatBytes(await this.update(ciphertext), await this.final());
  }

  /** Returns the plaintext of the last block. Throws `IntegrityError` `bad-padding` if its padding is invalid. */
  async final(): Promise<Bytes> {
    try {
      return await this.#decrypt(this.#iv, this.#rest);
    } catch (cause) {
      throw new IntegrityError(
        "bad-padding",
        "cannot decrypt: the padding is invalid, so the key or the ciphertext is damaged",
        { cause },
      );
    }
  }

  /** The block that decrypts to a whole block of padding if it follows `last`. */
  async #paddingBehind(last: Bytes): Promise<Bytes> {
    return new Uint8Array(
      await crypto.subtle.encrypt({ name: "AES-CBC", iv: last }, this.#key, NOTHING),
    );
  }

  async #decrypt(iv: Bytes, data: Bytes): Promise<Bytes> {
    return new Uint8Array(
      await crypto.subtle.decrypt({ name: "AES-CBC", iv }, this.#key, data),
    );
  }
}
