/**
 * Moments in the past on the command line: `2h` ago, or `2026-03-14 09:26`.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { parseQuantity } from "./quantities.ts";

const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * A moment in milliseconds since the epoch; a date without a time zone is that of this machine's clock. Throws
 * commander's `InvalidArgumentError`.
 */
export function parsePastTime(text: string, now = Date.now()): number {
  const [, day, clock = "00:00", zone = ""] = DATE.exec(text) ?? [];
  const time = day === undefined ? ago(text, now) : Date.parse(`${day}T${clock}${zone}`);
  if (time >= 1 && time <= now) return Math.floor(time);
  throw new InvalidArgumentError(
    "Expected a time in the past, such as 30m, 12h or 7d ago, or 2026-03-14 09:26.",
  );
}

function ago(text: string, now: number): number {
  try {
    return now - parseQuantity(text, "lifetime");
  } catch {
    return NaN;
  }
}
