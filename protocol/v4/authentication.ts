/**
 * How a client proves who it is: an Ed25519 signature (RFC 8032) that is worth something to one server, on one
 * connection, for one account and key (docs/protocol-4.md, "Who is who").
 *
 * @module
 */
import { type Bytes, concatBytes } from "../wire.ts";

export const NONCE_SIZE = 32;
export const KEY_SIZE = 32;

const CONTEXT = "xfer/4 client authentication\0";
const NO_ID = new Uint8Array(16);

export interface Claim {
  /** Of the server that the client has checked; of its name, where it was verified by that. */
  readonly fingerprint: Bytes;
  /** The server's, of this connection. */
  readonly nonce: Bytes;
  /** `undefined` in a registration. */
  readonly clientId?: Bytes;
  /** The client's public key. */
  readonly key: Bytes;
  /** In a registration. */
  readonly name?: string;
}

/** What is signed. */
export function signedBytes({ fingerprint, nonce, clientId, key, name }: Claim): Bytes {
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

export async function sign(privateKey: CryptoKey, claim: Claim): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, signedBytes(claim)));
}

/** Whether the owner of the claim's key has signed it. A key that is none has signed nothing. */
export async function verifySignature(claim: Claim, signature: Bytes): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", claim.key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, signedBytes(claim));
  } catch {
    return false;
  }
}
