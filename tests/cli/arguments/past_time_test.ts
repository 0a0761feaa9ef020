/** Moments in the past on the command line. */
import assert from "node:assert/strict";
import { parsePastTime } from "../../../cli/arguments/past_time.ts";

const NOW = Date.parse("2026-03-14T12:00:00Z");

Deno.test("past time: a duration counts back from now", () => {
  assert.equal(parsePastTime("30m", NOW), NOW - 30 * 60_000);
  assert.equal(parsePastTime("7d", NOW), NOW - 7 * 86_400_000);
});

Deno.test("past time: a date and time, in the zone that it names or that of this machine", () => {
  assert.equal(parsePastTime("2026-03-14T10:26:53Z", NOW), Date.parse("2026-03-14T10:26:53Z"));
  assert.equal(parsePastTime("2026-03-14T10:26+02:00", NOW), Date.parse("2026-03-14T08:26:00Z"));
  assert.equal(parsePastTime("2026-03-10 09:26", NOW), new Date(2026, 2, 10, 9, 26).getTime());
  assert.equal(parsePastTime("2026-03-10", NOW), new Date(2026, 2, 10).getTime());
});

Deno.test("past time: the future, other texts and impossible dates are refused", () => {
  for (
    const text of ["", "yesterday", "2027-01-01", "2026-13-01", "2026-02-10T25:00", "-1h", "1"]
  ) {
    assert.throws(() => parsePastTime(text, NOW), /Expected a time in the past/, text);
  }
});
