/**
 * RSA-1024 with public exponent 17, in the encodings that the protocol uses: the public key as X.509
 * SubjectPublicKeyInfo (exactly 160 bytes with this exponent), the private key as PKCS#8, both DER; AES keys wrapped
 * with RSAES-OAEP, SHA-1 (RFC 8017 7.1).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import type { Bytes } from "../bytes.ts";

/** The size of a public key in bytes: SubjectPublicKeyInfo, DER. */
export const PUBLIC_KEY_SIZE = 160;
/** The size of a wrapped AES key in bytes. */
export const WRAPPED_KEY_SIZE = 128;

const MODULUS_BITS = 1024;
/** WebCrypto cannot create keys with this exponent, and a larger one makes the public key too long for its field. */
const PUBLIC_EXPONENT = 17;
const OAEP = { name: "RSA-OAEP", hash: "SHA-1" };

/** Generates a private key of 1024 bits, as PKCS#8 DER. */
export function generatePrivateKey(): Promise<Bytes> {
  const options = { modulusLength: MODULUS_BITS, publicExponent: PUBLIC_EXPONENT };
  return new Promise((resolve, reject) => {
    generateKeyPair("rsa", options, (error, _publicKey, privateKey) => {
      if (error) reject(error);
      else resolve(new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" })));
    });
  });
}

/** Returns the public key of a private key (PKCS#8 DER), as SubjectPublicKeyInfo DER: 160 bytes. */
export function publicKeyOf(privateKey: Bytes): Bytes {
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key as unknown as Parameters<typeof createPublicKey>[0]);
  return new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
}

/**
 * Encrypts an AES key for the owner of a public key (SubjectPublicKeyInfo, DER): 128 bytes, RSAES-OAEP with SHA-1.
 * Throws `ProtocolError` `bad-public-key` if it is not an RSA key of 1024 bits.
 */
export async function wrapKey(publicKey: Bytes, aesKey: Bytes): Promise<Bytes> {
  let wrapped: Bytes;
  try {
    const key = await crypto.subtle.importKey("spki", publicKey, OAEP, false, ["encrypt"]);
    wrapped = new Uint8Array(await crypto.subtle.encrypt(OAEP, key, aesKey));
  } catch (cause) {
    throw new ProtocolError(
      "bad-public-key",
      "cannot use the public key: it is not an RSA key in DER",
      {
        cause,
      },
    );
  }
  if (wrapped.length !== WRAPPED_KEY_SIZE) {
    throw new ProtocolError(
      "bad-public-key",
      `cannot use the public key: it has ${wrapped.length * 8} bits, expected ${MODULUS_BITS}`,
    );
  }
  return wrapped;
}

/**
 * Decrypts a wrapped AES key with a private key (PKCS#8, DER). Throws `ProtocolError` `bad-wrapped-key` if it was
 * wrapped for another key.
 */
export async function unwrapKey(privateKey: Bytes, wrapped: Bytes): Promise<Bytes> {
  try {
    const key = await crypto.subtle.importKey("pkcs8", privateKey, OAEP, false, ["decrypt"]);
    return new Uint8Array(await crypto.subtle.decrypt(OAEP, key, wrapped));
  } catch (cause) {
    throw new ProtocolError(
      "bad-wrapped-key",
      "cannot unwrap the AES key: it was not wrapped for this identity's RSA key",
      { cause },
    );
  }
}
