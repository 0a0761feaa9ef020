/**
 * The background check: reads files that were stored without being hashed, and every stored file again within an interval.
 * Damage that it finds is logged and recorded in the catalog.
 *
 * @module
 */
import type { CheckRound } from "../catalog/check_rounds.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Store } from "../data_folder/data_folder.ts";
import { FreshValue } from "../fresh_value.ts";
import type { Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import type { Traffic } from "../monitor/traffic.ts";
import { TrafficWatch } from "../monitor/traffic_watch.ts";
import { BackgroundReader } from "./background_reader.ts";
import {
  type FileTotals,
  nextStart,
  oldestAge,
  progressOf,
  rateOf,
  roundsOf,
} from "./check_schedule.ts";
import { FilesOfRound } from "./files_of_round.ts";
import type { Pause } from "./pause.ts";
import { UnconfirmedFiles } from "./unconfirmed_files.ts";

/** The server counts as idle after this time without a transfer, in milliseconds. */
const IDLE_MS = 10_000;
/** The age up to which the number of all files is shown again, in milliseconds. */
const TOTALS_MS = 60_000;
/** The most damaged files that are named. */
const MAX_NAMED = 20;

export interface BackgroundCheckOptions {
  readonly store: Store;
  /** Values can change at any time. */
  readonly limits: Pick<Limits, "confirmRate" | "checkIntervalMs" | "checkRate">;
  readonly log: Log;
  readonly traffic: Traffic;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Milliseconds since any moment, never decreasing. */
  readonly ticks: () => number;
  /** Whether this server does what only one of those that share a catalog has to do. */
  readonly isHousekeeper: () => boolean;
  /** {@link IDLE_MS} by default. */
  readonly idleMs?: number | undefined;
  /** The shortest time until something that could not be read is read again, in milliseconds. */
  readonly retryMs?: number | undefined;
  readonly pause?: Pause | undefined;
}

export const CHECK_STATES = ["off", "idle", "reading", "waiting", "elsewhere"] as const;

/**
 * The state of the check. `off`: no round is due, since the interval is 0; `idle`: until the next round; `reading`: a
 * round is in progress; `waiting`: in a round, but the store does not answer; `elsewhere`: another server does it.
 */
export type CheckState = (typeof CHECK_STATES)[number];

export interface CheckStatus {
  readonly state: CheckState;
  /** Why it waits. */
  readonly reason?: string | undefined;
  /** The interval, in milliseconds; 0 if the check is off. */
  readonly intervalMs: number;
  /** The round in progress. */
  readonly current?: CheckRound | undefined;
  /** The last complete round. */
  readonly last?: CheckRound | undefined;
  /** All files, and their bytes. */
  readonly totals: FileTotals;
  /** The part of the round in progress that is done, from 0 to 1. */
  readonly progress?: number | undefined;
  /** The planned rate of the round in progress, in bytes per second. */
  readonly rate?: number | undefined;
  /** When the next round begins, in milliseconds since the epoch. */
  readonly nextAt?: number | undefined;
  /** The time since the file that comes next was read, in milliseconds, at most. */
  readonly oldestMs?: number | undefined;
  /** The number of files that are known to be damaged, and not repaired. */
  readonly damaged: number;
  /** Some of them. */
  readonly damagedFiles: readonly StoredFile[];
}

/** The check, for operators. */
export type FileCheck = Pick<BackgroundCheck, "begin" | "status">;

export class BackgroundCheck {
  readonly #options: BackgroundCheckOptions;
  readonly #round: FilesOfRound;
  readonly #newFiles: BackgroundReader;
  readonly #allFiles: BackgroundReader;
  readonly #status: FreshValue<CheckStatus>;

  constructor(options: BackgroundCheckOptions) {
    this.#options = options;
    const { store, log, clock, ticks, traffic, isHousekeeper, idleMs = IDLE_MS } = options;
    const watch = new TrafficWatch(traffic, ticks);
    const { retryMs, pause } = options;
    const reader = { store, log, clock, isActive: isHousekeeper, retryMs, pause };
    const isBusy = () => watch.quietMs < idleMs;
    this.#newFiles = new BackgroundReader(new UnconfirmedFiles(options), { ...reader, isBusy });
    // New files come first.
    const isRoundBusy = () => this.#newFiles.isReading || isBusy();
    this.#round = new FilesOfRound({ ...options, isBusy: isRoundBusy });
    this.#allFiles = new BackgroundReader(this.#round, { ...reader, isBusy: isRoundBusy });
    this.#status = new FreshValue(() => this.#read(), 0, ticks);
  }

  start(): void {
    this.#newFiles.start();
    this.#allFiles.start();
  }

  /** A file was stored whose digest only the client has computed. */
  notice(): void {
    this.#newFiles.wake();
  }

  /** Settings may have changed, this server may do the housekeeping now, or other servers may have stored files. */
  look(): void {
    this.#round.look();
    this.#newFiles.wake();
    this.#allFiles.wake();
  }

  /**
   * Begins a round now, which is not spread over the interval. Returns `false` if such a round is in progress already. Of
   * several servers, the one that does the housekeeping reads the files.
   */
  async begin(): Promise<boolean> {
    const { store: { catalog: { checks } }, clock } = this.#options;
    const isNew = roundsOf(await checks.list()).current?.isRequested !== true;
    if (isNew) await checks.begin(clock(), true);
    this.#round.recount();
    this.#round.look();
    this.#status.forget();
    this.#allFiles.wake(true);
    return isNew;
  }

  /**
   * `maxAgeMs`: the age up to which an earlier result is returned again; none by default. Rejects if the catalog does
   * not answer.
   */
  status(maxAgeMs?: number): Promise<CheckStatus> {
    return maxAgeMs === undefined ? this.#status.readNow() : this.#status.read(maxAgeMs);
  }

  async #read(): Promise<CheckStatus> {
    const { catalog } = this.#options.store;
    const [plan, stored, { count, files }] = await Promise.all([
      this.#round.plan(TOTALS_MS),
      catalog.checks.list(),
      catalog.files.damaged(MAX_NAMED),
    ]);
    const { totals, intervalMs, now } = plan;
    const { current: known, last } = roundsOf(stored);
    const own = this.#round.rounds?.current;
    const current = own?.id === known?.id ? own : known;
    const state = this.#stateIn(current);
    return {
      ...{ state, reason: state === "waiting" ? this.#allFiles.waitsFor : undefined },
      ...{ intervalMs, current, last, totals },
      ...current && {
        progress: progressOf(current, totals),
        rate: rateOf(current, { last }, plan),
      },
      nextAt: state === "idle"
        ? Math.max(now + this.#round.settlesMs, nextStart({ last }, plan))
        : undefined,
      oldestMs: oldestAge({ current, last }, totals, now),
      ...{ damaged: count, damagedFiles: files },
    };
  }

  /** Ends it, and keeps the progress. */
  async close(): Promise<void> {
    await Promise.all([this.#newFiles.close(), this.#allFiles.close()]);
    // Without it, some files are read again.
    if (this.#options.isHousekeeper()) await this.#round.save().catch(() => undefined);
  }

  #stateIn(current: CheckRound | undefined): CheckState {
    const { limits, isHousekeeper } = this.#options;
    const isOn = limits.checkIntervalMs > 0;
    if (!isOn && current?.isRequested !== true) return "off";
    if (!isHousekeeper()) return "elsewhere";
    if (this.#allFiles.waitsFor !== undefined) return "waiting";
    return current === undefined ? "idle" : "reading";
  }
}
