/**
 * Times in nanoseconds since 1970 (UTC), as file systems have them.
 *
 * @module
 */

/** The nanoseconds of a millisecond. */
const PER_MS = 1_000_000n;

/** The time furthest from 1970, in either direction: that of a `Date`. */
export const MAX_NANOSECONDS = 8_640_000_000_000_000n * PER_MS;

/** Limits a time to the range of a `Date`. */
export function clampNanoseconds(time: bigint): bigint {
  if (time > MAX_NANOSECONDS) return MAX_NANOSECONDS;
  return time < -MAX_NANOSECONDS ? -MAX_NANOSECONDS : time;
}

/** Whole milliseconds since 1970, rounded down, and the nanoseconds beyond them, 0 to 999,999. */
export function splitNanoseconds(time: bigint): { readonly ms: number; readonly ns: number } {
  const ns = ((time % PER_MS) + PER_MS) % PER_MS;
  return { ms: Number((time - ns) / PER_MS), ns: Number(ns) };
}

/** The time of a number of milliseconds since 1970, and nanoseconds beyond them. */
export function joinNanoseconds(ms: number, ns = 0): bigint {
  return BigInt(Math.trunc(ms)) * PER_MS + BigInt(ns);
}
