/**
 * How a client proves who it is: an Ed25519 signature (RFC 8032) that is worth something to one server, on one
 * connection, for one account and key; and, once, that an account of protocol 3 is its own (docs/protocol-4.md, "Who is
 * who").
 *
 * @module
 */
import { type Bytes, concatBytes, equalBytes } from "../bytes.ts";

/** Bytes of the server's nonce. */
export const NONCE_SIZE = 32;

const CONTEXT = "xfer/4 client authentication\0";
const NO_ID = new Uint8Array(16);

/** What a client signs to log in: its signature is worth nothing to another server or on another connection. */
export interface SignedIdentity {
  /** Of the server that the client has verified, 32 bytes; `fingerprintOfName` if it was verified by its name. */
  readonly fingerprint: Bytes;
  /** From the server's `challenge`, 32 bytes. */
  readonly nonce: Bytes;
  /** 16 bytes; `undefined` in a registration. */
  readonly clientId?: Bytes;
  /** The client's public key, Ed25519, 32 bytes. */
  readonly key: Bytes;
  /** The name of the user in `register` and `claim`. */
  readonly name?: string;
}

/** The bytes that are signed. */
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

/** Signs with an Ed25519 key (RFC 8032): 64 bytes. */
export async function sign(privateKey: CryptoKey, claim: SignedIdentity): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, signedBytes(claim)));
}

/** Whether the owner of `claim.key` has made this signature; `false` for a key that is not valid. */
export async function verifySignature(claim: SignedIdentity, signature: Bytes): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", claim.key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, signedBytes(claim));
  } catch {
    return false;
  }
}

/** Bytes of the secret that a server seals for the RSA key of an account of protocol 3. */
export const SECRET_SIZE = 32;

/** What is sealed begins so: the same RSA key opens AES keys of protocol 3, and neither is to pass for the other. */
const SEALED_CONTEXT = new TextEncoder().encode("xfer/4 claim secret\0");

/** The bytes to seal, with RSAES-OAEP, for a secret. */
export function sealedBytes(secret: Bytes): Bytes {
  return concatBytes(SEALED_CONTEXT, secret);
}

/** The secret in unsealed bytes; `undefined` if they are anything else. */
export function secretIn(unsealed: Bytes): Bytes | undefined {
  const begin = SEALED_CONTEXT.length;
  const isSecret = unsealed.length === begin + SECRET_SIZE &&
    equalBytes(unsealed.subarray(0, begin), SEALED_CONTEXT);
  return isSecret ? unsealed.slice(begin) : undefined;
}

const TAKEOVER_CONTEXT = "xfer/4 account claim\0";

/** What a proof of owning an account of protocol 3 is bound to. */
export type Takeover = Required<Pick<SignedIdentity, "fingerprint" | "clientId" | "key">>;

/** The bytes that the proof is computed over. */
export function provenBytes({ fingerprint, clientId, key }: Takeover): Bytes {
  return concatBytes(new TextEncoder().encode(TAKEOVER_CONTEXT), fingerprint, clientId, key);
}

/** The proof that a client has opened the sealed secret: HMAC-SHA-256, 32 bytes. */
export async function prove(secret: Bytes, takeover: Takeover): Promise<Bytes> {
  const key = await importSecret(secret);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, provenBytes(takeover)));
}

/** Whether a proof belongs to this secret and takeover. */
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
