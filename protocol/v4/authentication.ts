/**
 * How a client proves its identity: an Ed25519 signature (RFC 8032) that is valid for one server, one connection, one
 * account and one key; and, once, a proof that it owns an account of protocol 3 (docs/protocol-4.md, "Authentication").
 *
 * @module
 */
import { type Bytes, concatBytes, equalBytes } from "../bytes.ts";

/** The size of the server's nonce in bytes. */
export const NONCE_SIZE = 32;

const CONTEXT = "xfer/4 client authentication\0";
const NO_ID = new Uint8Array(16);

/** The content of a client's signature, which makes it useless for another server or connection. */
export interface SignedIdentity {
  /**
   * The fingerprint of the server that the client has verified, 32 bytes; `fingerprintOfName` if it verified the name.
   */
  readonly fingerprint: Bytes;
  /** The nonce of the server's `challenge`, 32 bytes. */
  readonly nonce: Bytes;
  /** 16 bytes; `undefined` in a registration. */
  readonly clientId?: Bytes;
  /** The client's public key, Ed25519, 32 bytes. */
  readonly key: Bytes;
  /** The user name in `register` and `claim`. */
  readonly name?: string;
}

/** The bytes to sign. */
export function signedBytes({ fingerprint, nonce, clientId, key, name }: SignedIdentity): Bytes {
  const encoder = new TextEncoder();
  return concatBytes(
    encoder.encode(CONTEXT),
    fingerprint,
    nonce,
    clientId ?? NO_ID,
    key,
    encoder.encode(name ?? ""),
  );
}

/** Signs with an Ed25519 key (RFC 8032). Returns 64 bytes. */
export async function sign(privateKey: CryptoKey, claim: SignedIdentity): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, signedBytes(claim)));
}

/** Whether a signature was made with `claim.key`; `false` for an invalid key. */
export async function verifySignature(claim: SignedIdentity, signature: Bytes): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", claim.key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, signedBytes(claim));
  } catch {
    return false;
  }
}

/** The size, in bytes, of the secret that a server encrypts for the RSA key of an account of protocol 3. */
export const SECRET_SIZE = 32;

/**
 * The prefix of a sealed secret. The same RSA key decrypts AES keys of protocol 3, and neither may pass for the other.
 */
const SEALED_CONTEXT = new TextEncoder().encode("xfer/4 claim secret\0");

/** The bytes to encrypt with RSAES-OAEP, for a secret. */
export function sealedBytes(secret: Bytes): Bytes {
  return concatBytes(SEALED_CONTEXT, secret);
}

/** Returns the secret in decrypted bytes; `undefined` for anything else. */
export function secretIn(unsealed: Bytes): Bytes | undefined {
  const begin = SEALED_CONTEXT.length;
  const isSecret = unsealed.length === begin + SECRET_SIZE &&
    equalBytes(unsealed.subarray(0, begin), SEALED_CONTEXT);
  return isSecret ? unsealed.slice(begin) : undefined;
}

const TAKEOVER_CONTEXT = "xfer/4 account claim\0";

/** The identities to which a proof of owning an account of protocol 3 is bound. */
export type Takeover = Required<Pick<SignedIdentity, "fingerprint" | "clientId" | "key">>;

/** The input of the HMAC that is a proof. */
export function provenBytes({ fingerprint, clientId, key }: Takeover): Bytes {
  return concatBytes(new TextEncoder().encode(TAKEOVER_CONTEXT), fingerprint, clientId, key);
}

/** The proof that a client has decrypted the secret: HMAC-SHA-256, 32 bytes. */
export async function prove(secret: Bytes, takeover: Takeover): Promise<Bytes> {
  const key = await importSecret(secret);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, provenBytes(takeover)));
}

/** Whether a proof is valid for this secret and takeover. */
export async function verifyProof(
  secret: Bytes,
  takeover: Takeover,
  proof: Bytes,
): Promise<boolean> {
  const key = await importSecret(secret);
  return await crypto.subtle.verify("HMAC", key, proof, provenBytes(takeover));
}

function importSecret(secret: Bytes): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", secret, algorithm, false, ["sign", "verify"]);
}
