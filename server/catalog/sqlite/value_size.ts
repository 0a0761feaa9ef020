/**
 * How much room values take, so that what is handed over at a time is bounded by its bytes and not by its number.
 *
 * @module
 */

/** What any value takes, beside its text or bytes. */
const EACH = 16;

/** About how many bytes a value takes in memory. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return EACH + 2 * value.length;
  if (typeof value !== "object" || value === null) return EACH;
  if (ArrayBuffer.isView(value)) return EACH + value.byteLength;
  return Object.values(value).reduce((size, one) => size + sizeOf(one), EACH);
}
