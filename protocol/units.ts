/**
 * Amounts as people write them: `4096`, `64KiB`, `10MB`, `30s`.
 *
 * @module
 */

/** Units and their factors, from small to large. */
export type Units = Readonly<Record<string, number>>;

/** The units of sizes, in bytes. */
export const SIZES: Units = {
  "": 1,
  B: 1,
  KB: 1e3,
  kB: 1e3,
  KiB: 2 ** 10,
  MB: 1e6,
  MiB: 2 ** 20,
  GB: 1e9,
  GiB: 2 ** 30,
  TB: 1e12,
  TiB: 2 ** 40,
};

/** Parses a whole number with a unit. Returns `undefined` for anything else, and for numbers that are not safe. */
export function parseAmount(text: string, units: Units): number | undefined {
  const [, digits = "", unit = ""] = /^([0-9]{1,15}) ?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (digits === "" || factor === undefined) return undefined;
  const amount = Number(digits) * factor;
  return Number.isSafeInteger(amount) ? amount : undefined;
}

/** An amount as a whole number of the largest unit that fits. */
export function formatAmount(amount: number, units: Units): string {
  const fitting = Object.entries(units)
    .filter(([, factor]) => amount % factor === 0 && amount >= factor);
  const [unit, factor] = fitting.at(-1) ?? ["", 1];
  return `${amount / factor}${unit}`;
}
