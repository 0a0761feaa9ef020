/**
 * Text in fixed fields: NUL-terminated, NUL-padded.
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true });
const windows1252 = new TextDecoder("windows-1252");

/**
 * Encodes a text as a field of `size` bytes: UTF-8, padded with NULs. Returns `undefined` if it contains a NUL or does
 * not fit with at least one NUL.
 */
export function encodeTextField(text: string, size: number): Bytes | undefined {
  const bytes = encoder.encode(text);
  if (bytes.length >= size || bytes.includes(0)) return undefined;
  const field = new Uint8Array(size);
  field.set(bytes);
  return field;
}

/**
 * Decodes a field up to its first NUL. The protocol says ASCII. Peers send UTF-8; anything else is read as
 * windows-1252.
 */
export function decodeTextField(field: Bytes): string {
  const end = field.indexOf(0);
  const bytes = end < 0 ? field : field.subarray(0, end);
  try {
    return utf8.decode(bytes);
  } catch {
    return windows1252.decode(bytes);
  }
}
