/**
 * AES-CBC with a zero IV and PKCS#7 padding (NIST SP 800-38A, RFC 5652 6.3), over streams, by a WebCrypto that only
 * does whole messages.
 *
 * A piece is encrypted as a message of its own whose IV is the last ciphertext block before it, and its padding block
 * is dropped. A piece is decrypted with a block behind it that decrypts to nothing but padding.
 *
 * @module
 */
import { IntegrityError } from "../errors.ts";
import { release } from "../memory.ts";
import { type Bytes, concatBytes } from "../bytes.ts";

export const BLOCK_SIZE = 16;

const NOTHING: Bytes = new Uint8Array(0);
const ZERO_IV: Bytes = new Uint8Array(BLOCK_SIZE);

/** Bytes of ciphertext for so many bytes of plaintext: at least one byte of padding, up to a whole block. */
export function ciphertextSize(plaintextSize: number): number {
  return plaintextSize - (plaintextSize % BLOCK_SIZE) + BLOCK_SIZE;
}

/** A key of 16 or 32 bytes, ready for use. */
export function importAesKey(key: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-CBC", false, ["encrypt", "decrypt"]);
}

/** Encrypts one message that comes in pieces. Await each call before the next. */
export class CbcEncryptor {
  readonly #key: CryptoKey;
  #iv = ZERO_IV;
  #rest = NOTHING;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** The ciphertext of all whole blocks so far that has not been returned before. */
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

  /** The end of the ciphertext, padding included, with what is left of the plaintext. */
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
 * Decrypts one message that comes in pieces. Calls may overlap: each takes a copy of what it is given before it returns,
 * and pieces don't need one another.
 */
export class CbcDecryptor {
  readonly #key: CryptoKey;
  #iv = ZERO_IV;
  /** Ciphertext not decrypted yet: always the last block, which may hold the padding, and any part of a block. */
  #rest = NOTHING;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** The plaintext of all blocks so far but the last that has not been returned before. */
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
    // WebCrypto has a copy of its own.
    release(input);
    return await decrypting;
  }

  /** The plaintext of a message that is here whole. Throws `IntegrityError` `bad-padding`. */
  async whole(ciphertext: Bytes): Promise<Bytes> {
    return concatBytes(await this.update(ciphertext), await this.final());
  }

  /** The plaintext of the last block. Throws `IntegrityError` `bad-padding` where it has no padding to remove. */
  async final(): Promise<Bytes> {
    try {
      return await this.#decrypt(this.#iv, this.#rest);
    } catch (cause) {
      throw new IntegrityError(
        "bad-padding",
        "Cannot decrypt: the padding is wrong, so the key or the ciphertext is not what was sent",
        { cause },
      );
    }
  }

  /** One block that, behind `last`, decrypts to a whole block of padding. */
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
