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
 * `text` as a field of `size` bytes, zeros behind it, or `undefined` where it does not fit with at least one NUL, or
 * holds a NUL itself.
 */
export function encodeTextField(text: string, size: number): Bytes | undefined {
  const bytes = encoder.encode(text);
  if (bytes.length >= size || bytes.includes(0)) return undefined;
  const field = new Uint8Array(size);
  field.set(bytes);
  return field;
}

/**
 * The text of a field, up to its first NUL; what follows is ignored. The protocol speaks of ASCII, peers send what
 * their system gives them: UTF-8, and where it isn't that, the Western code page of Windows.
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
