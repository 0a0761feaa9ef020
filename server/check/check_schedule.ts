/**
 * The times of the background check, computed.
 *
 * @module
 */
import type { CheckRound } from "../catalog/check_rounds.ts";

/** Files and their bytes. */
export interface FileTotals {
  readonly files: number;
  readonly bytes: number;
}

/**
 * What a file costs beside its bytes, as bytes: a disk takes about as long to find a file as to read this much, and an
 * object store longer.
 */
export const FILE_COST = 64 * 1024;
/**
 * The least rate of a round, in bytes per second. A small store is read within hours, and then left alone for the rest
 * of the interval, so that a disk can sleep.
 */
export const LEAST_RATE = 1024 * 1024;
/** The part of the interval in which a round is planned to end, so that pauses do not make it late. */
export const PLANNED_PART = 0.9;

/** The cost of files in bytes. */
export function costOf({ files, bytes }: FileTotals): number {
  return bytes + files * FILE_COST;
}

/** The rounds of a check. */
export interface Rounds {
  /** The one in progress. */
  readonly current?: CheckRound | undefined;
  /** The last complete one. */
  readonly last?: CheckRound | undefined;
}

/** The round in progress and the last complete one, from a list with the newest first. */
export function roundsOf(list: readonly CheckRound[]): Rounds {
  const [newest] = list;
  return {
    current: newest?.endedAt === undefined ? newest : undefined,
    last: list.find(({ endedAt }) => endedAt !== undefined),
  };
}

/** The files and settings by which rounds are planned. */
export interface CheckPlan {
  /** All files. */
  readonly totals: FileTotals;
  /** The time within which every file is read again, in milliseconds. */
  readonly intervalMs: number;
  /** The highest rate, in bytes per second. */
  readonly maxRate: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * When the next round begins, in milliseconds since the epoch: early enough for the first file, and for the last one
 * even if the store has grown since.
 */
export function nextStart({ last }: Rounds, { totals, intervalMs, now }: CheckPlan): number {
  if (last === undefined) return now;
  const { startedAt, endedAt = startedAt } = last;
  const plannedMs = Math.min(PLANNED_PART * intervalMs, 1000 * costOf(totals) / LEAST_RATE);
  const from = Math.min(startedAt, endedAt - plannedMs);
  // The clock was ahead, and has gone back: nobody knows when the files were read.
  return from > now ? now : from + intervalMs;
}

/**
 * The rate at which the rest of a round ends in time for its last file, in bytes per second. A requested round has the
 * highest rate.
 */
export function rateOf(
  round: CheckRound,
  { last }: Rounds,
  { totals, intervalMs, maxRate, now }: CheckPlan,
): number {
  const endsAt = last?.endedAt === undefined
    ? round.startedAt + PLANNED_PART * intervalMs
    : last.endedAt + intervalMs;
  if (round.isRequested || endsAt <= now) return maxRate;
  const left = Math.max(0, costOf(totals) - costOf(round));
  return Math.min(maxRate, Math.max(LEAST_RATE, 1000 * left / (endsAt - now)));
}

/** The part of a round that is done, from 0 to 1. */
export function progressOf(round: CheckRound, totals: FileTotals): number {
  if (round.endedAt !== undefined) return 1;
  const all = costOf(totals);
  return all === 0 ? 1 : Math.min(1, costOf(round) / all);
}

/**
 * The time for which the file that comes next was not read, in milliseconds: no other file waits for longer. The time
 * at which the last round has read it is estimated from the progress. Before the first round has ended, the time since
 * it began.
 */
export function oldestAge(
  { current, last }: Rounds,
  totals: FileTotals,
  now: number,
): number | undefined {
  const before = last ?? current;
  if (before === undefined) return undefined;
  const lastedMs = (before.endedAt ?? before.startedAt) - before.startedAt;
  const done = current === undefined ? 0 : progressOf(current, totals);
  return Math.max(0, now - before.startedAt - done * lastedMs);
}
