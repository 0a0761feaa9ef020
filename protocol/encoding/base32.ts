/**
 * Base32 (RFC 4648 6) in lower case and without padding, which is valid in host names and easy to read out.
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

export function toBase32(bytes: Bytes): string {
  let bits = 0;
  let count = 0;
  let text = "";
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += BASE32[(bits >>> count) & 31];
    }
    bits &= (1 << count) - 1;
  }
  if (count > 0) text += BASE32[(bits << (5 - count)) & 31];
  return text;
}
