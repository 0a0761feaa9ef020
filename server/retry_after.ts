/**
 * The time for which a server of HTTP asks before the next attempt: RFC 9110, 10.2.3.
 *
 * @module
 */

/** The pause of `Retry-After`, a number of seconds or a date, in milliseconds from `now`; `undefined` without a pause. */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - now;
  return ms > 0 ? ms : undefined;
}
