/**
 * Sizes for people.
 *
 * @module
 */
import { plural } from "./format.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const DECIMAL_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** The unit that a number of bytes is written in, and its digits after the point. */
export interface SizeScale {
  readonly factor: number;
  readonly unit: string;
  readonly digits: number;
}

export function scaleOf(bytes: number, base: 1024 | 1000 = 1024): SizeScale {
  const units = base === 1024 ? UNITS : DECIMAL_UNITS;
  let index = 0;
  while (bytes >= base ** (index + 1) && index < units.length - 1) index++;
  const factor = base ** index;
  return {
    factor,
    unit: units[index] as string,
    digits: index > 0 && bytes / factor < 100 ? 1 : 0,
  };
}

/** `bytes` in a unit, rounded down: progress never claims more than is done. */
export function scaled(bytes: number, { factor, digits }: SizeScale): string {
  const step = 10 ** digits;
  return (Math.floor(bytes / factor * step) / step).toFixed(digits);
}

/** `6 B`, `99.9 KiB`, `100 MiB`: rounded down, at most 4 digits. */
export function humanSize(bytes: number): string {
  const scale = scaleOf(bytes);
  return `${scaled(bytes, scale)} ${scale.unit}`;
}

/** `1023 KiB` */
export const HUMAN_WIDTH = 8;
/** Exact sizes below 1 TB. */
export const EXACT_WIDTH = 12;

export function exactSize(bytes: number): string {
  return plural(bytes, "byte");
}

/** Units in which operators write limits, the largest first; binary ones win when both fit. */
const LIMIT_UNITS: readonly (readonly [unit: string, factor: number])[] = [
  ...[["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const,
  ...[["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const,
];

/** Larger numbers take a larger unit, although they are rounded then. */
const MAX_LIMIT_NUMBER = 10_000;

/** A limit, in the unit in which it is a whole number: `10 MB`, `4 GiB`. */
export function limitSize(bytes: number): string {
  const fitting = limitUnit(bytes);
  return fitting === undefined ? humanSize(bytes) : `${bytes / fitting[1]} ${fitting[0]}`;
}

/** A part of a limit, in units of the same kind: of `10 GB`, `9.9 GB` are left, and not `9.3 GiB`. */
export function sizeWithin(bytes: number, limit: number): string {
  const [unit = ""] = limitUnit(limit) ?? [];
  const scale = scaleOf(bytes, DECIMAL_UNITS.includes(unit) ? 1000 : 1024);
  return `${scaled(bytes, scale)} ${scale.unit}`;
}

function limitUnit(bytes: number) {
  return LIMIT_UNITS.find(([, factor]) =>
    bytes % factor === 0 && bytes >= factor && bytes < MAX_LIMIT_NUMBER * factor
  );
}
