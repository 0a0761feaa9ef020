/** Times for people. */
import assert from "node:assert/strict";
import { localTime, utcTime } from "../../../cli/text/time.ts";

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
