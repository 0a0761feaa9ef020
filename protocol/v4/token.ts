/**
 * Tokens that a server issues: invitations and link tokens (docs/protocol-4.md, "Authentication").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { toBase32 } from "../encoding/base32.ts";

/** The size of a token in bytes. */
export const TOKEN_SIZE = 16;

/** Formats a token of 16 random bytes as 26 characters of base32. Throws `RangeError` for any other size. */
export function formatToken(bytes: Bytes): string {
  if (bytes.length !== TOKEN_SIZE) throw new RangeError(`a token has ${TOKEN_SIZE} bytes`);
  return toBase32(bytes);
}

/** Whether a text has the form of a token. Its last character has two unused bits, which must be 0. */
export function isToken(text: string): boolean {
  return /^[a-z2-7]{25}[aeimquy4]$/.test(text);
}

/** The SHA-256 of a token's text, 32 bytes, which a server stores instead of the token. */
export async function hashToken(text: string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
