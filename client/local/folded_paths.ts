/**
 * Remembers paths to find those that may be the same file, in few bytes each, whatever their length.
 *
 * @module
 */
import { foldCase } from "./case_collisions.ts";

/** The slots of the first table: a power of two. */
const FIRST_SLOTS = 1024;
/** An empty slot. No path has this key. */
const EMPTY = 0;

/** A set of folded paths: see {@link foldCase}. It takes 16 to 32 bytes for each. */
export class FoldedPaths {
  #slots = new Float64Array(FIRST_SLOTS);
  #count = 0;

  /**
   * Adds a path. Returns whether one with the same key was added before. About one of 10⁹ paths in a set of a million
   * has the key of another by chance.
   */
  add(path: string): boolean {
    if (2 * this.#count >= this.#slots.length) this.#grow();
    if (!insert(this.#slots, keyOf(path))) return true;
    this.#count++;
    return false;
  }

  #grow(): void {
    const grown = new Float64Array(2 * this.#slots.length);
    for (const key of this.#slots) if (key !== EMPTY) insert(grown, key);
    this.#slots = grown;
  }
}

/** The key of a path: an integer of 52 bits, never {@link EMPTY}. */
export function keyOf(path: string): number {
  const folded = foldCase(path);
  // Two independent FNV-1a hashes.
  let [high, low] = [0x811c9dc5, 0x9dc5811c];
  for (let i = 0; i < folded.length; i++) {
    const unit = folded.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x01000197);
    low ^= low >>> 15;
  }
  return ((high >>> 12) * 2 ** 32 + (low >>> 0)) || 1;
}

/** Returns whether the key was missing. */
function insert(slots: Float64Array, key: number): boolean {
  const mask = slots.length - 1;
  let at = (key ^ Math.floor(key / 2 ** 32)) & mask;
  for (; slots[at] !== EMPTY; at = (at + 1) & mask) {
    if (slots[at] === key) return false;
  }
  slots[at] = key;
  return true;
}
