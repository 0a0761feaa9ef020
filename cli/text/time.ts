/**
 * Times for people.
 *
 * @module
 */

import { plural } from "./format.ts";
import { splitNanoseconds } from "../../protocol/nanoseconds.ts";

/** A time, as events have it: ISO 8601 in UTC, with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The same for nanoseconds since 1970, with nine digits unless they are whole milliseconds. */
export function isoTimeOf(time: bigint): string {
  const { ms, ns } = splitNanoseconds(time);
  return ns === 0 ? isoTime(ms) : isoTime(ms).replace("Z", `${ns}`.padStart(6, "0") + "Z");
}

/** `2026-01-02T03:04:05Z`: for pipes and files, which may be read in another time zone. */
export function utcTime(iso: string): string {
  return iso.replace(/\.\d+Z$/, "Z");
}

/** `2026-01-02 03:04:05`, by this machine's clock. A year of more than four digits stays in UTC. */
export function localTime(iso: string): string {
  const date = new Date(iso);
  const year = date.getFullYear();
  if (!(year >= 0 && year <= 9999)) return utcTime(iso);
  const two = (value: number) => `${value}`.padStart(2, "0");
  const day = [`${year}`.padStart(4, "0"), two(date.getMonth() + 1), two(date.getDate())];
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two);
  return `${day.join("-")} ${clock.join(":")}`;
}

/** Units of times that operators set, the largest first. */
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]] as const;

/** `30 days`, in the largest unit in which it is a whole number; otherwise in seconds. */
export function duration(ms: number): string {
  const [unit, length] = UNITS.find(([, length]) => ms >= length && ms % length === 0) ??
    ["second", 1000];
  return plural(Math.ceil(ms / length), unit);
}
