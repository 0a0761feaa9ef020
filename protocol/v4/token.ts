/**
 * Tokens: what a server gives away for later, an invitation or a link (docs/protocol-4.md, "Who is who").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";
import { toBase32 } from "../encoding/base32.ts";

/** Random bytes of a token. */
export const TOKEN_SIZE = 16;

/** The text of a token: 26 characters. */
export function formatToken(bytes: Bytes): string {
  if (bytes.length !== TOKEN_SIZE) throw new RangeError(`A token has ${TOKEN_SIZE} bytes`);
  return toBase32(bytes);
}

/** Whether a text may be a token at all: the last character has two bits that nothing is made of. */
export function isToken(text: string): boolean {
  return /^[a-z2-7]{25}[aeimquy4]$/.test(text);
}

/** What a server keeps of a token, whatever its text. */
export async function hashToken(text: string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
