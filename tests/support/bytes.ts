import { Buffer } from "node:buffer";
import type { Bytes } from "../../protocol/bytes.ts";

/** Bytes that look random and are the same for the same seed (xorshift32). */
export function pseudoRandomBytes(size: number, seed = 1): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, size).slice();
}

/** Whether two contents are equal. Much faster for whole files than the comparison in constant time. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** `bytes` cut at the given places, which may be in any order and may repeat. */
export function splitAt(bytes: Bytes, cuts: readonly number[]): Bytes[] {
  const places = [
    0,
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

/** A copy, since not every version of Deno types the encoded bytes as owning their buffer. */
export function utf8(text: string): Bytes {
  return new Uint8Array(new TextEncoder().encode(text));
}
