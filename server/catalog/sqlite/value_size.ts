/**
 * The memory that values take, by which batches and pages are bounded.
 *
 * @module
 */

/** The bytes of any value besides its text or content. */
const EACH = 16;

/** The approximate size of a value in memory, in bytes. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return EACH + 2 * value.length;
  if (typeof value !== "object" || value === null) return EACH;
  if (ArrayBuffer.isView(value)) return EACH + value.byteLength;
  return Object.values(value).reduce((size, one) => size + sizeOf(one), EACH);
}
