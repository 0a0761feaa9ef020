/**
 * Times for people.
 *
 * @module
 */

/** A time, as events have it: ISO 8601 in UTC, with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
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
