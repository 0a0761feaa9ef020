/**
 * Tokens: what a server gives away for later, an invitation or a link (docs/protocol-4.md, "Who is who").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { toBase32 } from "../encoding/base32.ts";

/** Bytes of a token. */
export const TOKEN_SIZE = 16;

/** A token of 16 random bytes as text: 26 characters of base32. Throws `RangeError` for any other size. */
export function formatToken(bytes: Bytes): string {
  if (bytes.length !== TOKEN_SIZE) throw new RangeError(`a token has ${TOKEN_SIZE} bytes`);
  return toBase32(bytes);
}

/** Whether a text has the form of a token. Its last character has two unused bits, which are 0. */
export function isToken(text: string): boolean {
  return /^[a-z2-7]{25}[aeimquy4]$/.test(text);
}

/** What a server keeps in place of a token: SHA-256 of its text, 32 bytes. */
export async function hashToken(text: string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
