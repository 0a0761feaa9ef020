/** Times for people. */
import assert from "node:assert/strict";
import { duration, isoTimeOf, localTime, utcTime } from "../../../cli/text/time.ts";

Deno.test("time: UTC, without a fraction of a second", () => {
  assert.equal(utcTime("2026-01-02T03:04:05.678Z"), "2026-01-02T03:04:05Z");
});

Deno.test("time: local, by this machine's clock", () => {
  const at = new Date(2026, 0, 2, 3, 4, 5);
  assert.equal(localTime(at.toISOString()), "2026-01-02 03:04:05");
});

Deno.test("time: a year of more than four digits stays in UTC", () => {
  const far = new Date(8.64e15).toISOString();
  assert.equal(localTime(far), utcTime(far));
});

Deno.test("time: nanoseconds only if the time has them", () => {
  assert.equal(isoTimeOf(1_000_000n), "1970-01-01T00:00:00.001Z");
  assert.equal(isoTimeOf(1_000_007n), "1970-01-01T00:00:00.001000007Z");
  assert.equal(isoTimeOf(-1n), "1969-12-31T23:59:59.999999999Z");
  assert.equal(utcTime(isoTimeOf(1_234_567_891n)), "1970-01-01T00:00:01Z");
});

Deno.test("duration: in the largest unit in which it is a whole number", () => {
  const [hour, day] = [3_600_000, 86_400_000];
  assert.deepEqual(
    [30 * day, day, 36 * hour, 60_000, 1500].map(duration),
    ["30 days", "1 day", "36 hours", "1 minute", "2 seconds"],
  );
});
