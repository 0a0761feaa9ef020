/** The times of the check: its rate, progress, and the age of the oldest file. */
import assert from "node:assert/strict";
import type { CheckRound } from "../../../server/catalog/check_rounds.ts";
import {
  costOf,
  FILE_COST,
  LEAST_RATE,
  nextStart,
  oldestAge,
  PLANNED_PART,
  progressOf,
  rateOf,
} from "../../../server/check/check_schedule.ts";

const DAY_MS = 24 * 60 * 60_000;
const INTERVAL_MS = 30 * DAY_MS;
const TIB = 2 ** 40;
const MAX_RATE = 16 * 2 ** 20;
const NONE = { files: 0, bytes: 0, damaged: 0, unreadable: 0 };
const begun = (changes: Partial<CheckRound> = {}): CheckRound => ({
  ...{ id: 1, startedAt: 0, isRequested: false, ...NONE, ...changes },
});

const plan = (bytes: number, now = 0, files = 0) => ({
  ...{ totals: { files, bytes }, intervalMs: INTERVAL_MS, maxRate: MAX_RATE, now },
});

Deno.test("check rate: from all files and the interval, within bounds", () => {
  const rate = (bytes: number, changes: Partial<CheckRound> = {}, now = 0, files = 0) =>
    rateOf(begun(changes), {}, plan(bytes, now, files));
  const planned = (bytes: number) => bytes / (PLANNED_PART * INTERVAL_MS / 1000);
  assert.equal(rate(10 * TIB), planned(10 * TIB));
  assert.equal(rate(2 ** 30), LEAST_RATE, "a small store");
  assert.equal(rate(100 * TIB), MAX_RATE, "a large store");
  assert.equal(rate(2 ** 30, { isRequested: true }), MAX_RATE);
  assert.equal(rate(2 ** 30, {}, INTERVAL_MS), MAX_RATE, "late");
  const half = PLANNED_PART * INTERVAL_MS / 2;
  const close = (a: number, b: number) => assert.ok(Math.abs(a / b - 1) < 1e-9, `${a} ${b}`);
  close(rate(10 * TIB, { bytes: 5 * TIB }, half), planned(10 * TIB));
  close(rate(10 * TIB, { bytes: 2.5 * TIB }, half), planned(15 * TIB));
  close(rate(0, {}, 0, 2 ** 26), planned(2 ** 26 * FILE_COST));
});

Deno.test("check rate: a later round ends an interval after the one before", () => {
  const last = begun({ startedAt: 0, endedAt: 10 * DAY_MS });
  const round = begun({ startedAt: 20 * DAY_MS });
  const rate = rateOf(round, { last }, plan(10 * TIB, 20 * DAY_MS));
  assert.equal(rate, 10 * TIB / (20 * DAY_MS / 1000));
});

Deno.test("check start: an interval after the round before, and earlier if the store has grown", () => {
  const after = (startedAt: number, endedAt: number, bytes: number) =>
    nextStart({ last: begun({ startedAt, endedAt }) }, plan(bytes)) / DAY_MS;
  assert.equal(nextStart({}, plan(0, 9000)), 9000, "the first one");
  assert.equal(after(0, 27 * DAY_MS, 10 * TIB), 30);
  assert.equal(after(0, 0, 0), 30, "an empty store");
  // It was empty, and needs nine tenths of the interval now.
  assert.equal(after(0, 0, 10 * TIB), 3);
  const bytes = 5 * DAY_MS / 1000 * LEAST_RATE;
  assert.equal(after(0, 0, bytes), 25);
  assert.equal(after(0, 5 * DAY_MS, bytes), 30);
  const ahead = begun({ startedAt: 10 * DAY_MS, endedAt: 10 * DAY_MS });
  assert.equal(nextStart({ last: ahead }, plan(0, 9000)), 9000, "the clock has gone back");
});

Deno.test("check progress: by bytes and files, and whole for an empty store", () => {
  const totals = { files: 4, bytes: 400 };
  assert.equal(progressOf(begun(), totals), 0);
  assert.equal(progressOf(begun({ files: 2, bytes: 200 }), totals), 0.5);
  assert.equal(progressOf(begun({ files: 9, bytes: 999 }), totals), 1, "files were removed");
  assert.equal(progressOf(begun(), { files: 0, bytes: 0 }), 1);
  assert.equal(costOf(totals), 400 + 4 * FILE_COST);
});

Deno.test("check age: the time since the file that comes next was read", () => {
  const totals = { files: 10, bytes: 1000 };
  const last = begun({ startedAt: 1000, endedAt: 2000 });
  assert.equal(oldestAge({}, totals, 9000), undefined);
  assert.equal(oldestAge({ last }, totals, 9000), 8000, "the first file");
  const half = begun({ startedAt: 8000, files: 5, bytes: 500 });
  assert.equal(oldestAge({ last, current: half }, totals, 9000), 7500);
  assert.equal(oldestAge({ current: half }, totals, 9000), 1000, "since the first round began");
});
