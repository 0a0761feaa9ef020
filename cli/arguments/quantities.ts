/**
 * Quantities on the command line: `30s`, `10MB`, `4096`, `none`; numbers of versions.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { formatAmount, parseAmount, SIZES, type Units } from "../../protocol/units.ts";
import type { LimitDefinition } from "../../server/mod.ts";

/** Kinds of quantities. A `lifetime` is in milliseconds like a `time`, and can be written in days. */
export type Unit = LimitDefinition["unit"] | "lifetime";

interface Notation {
  /** The placeholder of the value in a command's help. */
  readonly placeholder: string;
  readonly expected: string;
  readonly factors: Units;
  /** The value of `none`, if allowed. */
  readonly none?: number;
  readonly max?: number;
  /** The notation of 0 without a unit, if allowed. */
  readonly zero?: string;
}

/** The longest timeout of a timer, in milliseconds: 24 days. */
const MAX_TIME = 2 ** 31 - 1;

const NOTATIONS: Readonly<Record<Unit, Notation>> = {
  time: {
    placeholder: "time",
    expected: "a time such as 500ms, 30s, 10m or 2h, or none",
    factors: { ms: 1, s: 1000, m: 60_000, h: 3_600_000 },
    none: MAX_TIME,
    max: MAX_TIME,
  },
  age: {
    placeholder: "time",
    expected: "a time such as 12h or 30d, or 0",
    factors: { m: 60_000, h: 3_600_000, d: 86_400_000 },
    zero: "0",
  },
  lifetime: {
    placeholder: "time",
    expected: "a time such as 30m, 12h or 7d",
    factors: { m: 60_000, h: 3_600_000, d: 86_400_000 },
  },
  size: {
    placeholder: "size",
    expected: "a size such as 4096, 64KiB, 10MB or 2GiB, or none",
    factors: SIZES,
    none: Infinity,
  },
  rate: {
    placeholder: "rate",
    expected: "bytes per second such as 4096, 64KiB or 1MB",
    factors: SIZES,
  },
  count: {
    placeholder: "count",
    expected: "a number such as 4096, or none",
    factors: { "": 1 },
    none: Infinity,
  },
};

const NONE = "none";

export function placeholderOf(unit: Unit): string {
  return NOTATIONS[unit].placeholder;
}

/**
 * Parses a time into milliseconds, a size into bytes, or a count; at least `least`. Throws commander's
 * `InvalidArgumentError`.
 */
export function parseQuantity(text: string, unit: Unit, least = 0): number {
  const { factors, expected, none, zero, max = Infinity } = NOTATIONS[unit];
  if (text === NONE && none !== undefined) return none;
  if (text === zero) return 0;
  const value = parseAmount(text, factors);
  if (value !== undefined && value >= least && value <= max) return value;
  const bound = least === 0 ? "" : `, at least ${formatQuantity(least, unit)}`;
  throw new InvalidArgumentError(`Expected ${expected}${bound}.`);
}

/** A quantity as written on the command line, in the largest unit that fits. */
export function formatQuantity(value: number, unit: Unit): string {
  if (value === Infinity || value === NOTATIONS[unit].none) return NONE;
  const binary = Object.entries(NOTATIONS[unit].factors)
    .filter(([suffix, factor]) => !suffix.endsWith("B") || suffix.endsWith("iB") || factor === 1);
  return formatAmount(value, Object.fromEntries(binary));
}

/** The largest number of the protocol. */
const MAX_VERSION = 2 ** 32 - 1;

/** The number of a version of a file. Throws commander's `InvalidArgumentError`. */
export function parseVersion(text: string): number {
  const version = /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
  if (version >= 1 && version <= MAX_VERSION) return version;
  throw new InvalidArgumentError("Expected the number of a version, 1 or more.");
}
