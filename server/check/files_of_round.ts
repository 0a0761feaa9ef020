/**
 * The files of the background check: all stored files, once in each round, by blob. The catalog has the progress.
 *
 * @module
 */
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CheckRound } from "../catalog/check_rounds.ts";
import type { StoredFile } from "../catalog/files.ts";
import { FreshValue } from "../fresh_value.ts";
import type { Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import { BUSY_RATE } from "./background_reader.ts";
import {
  type CheckPlan,
  FILE_COST,
  type FileTotals,
  nextStart,
  rateOf,
  type Rounds,
  roundsOf,
} from "./check_schedule.ts";
import { recordDamage } from "./damage.ts";
import { shown } from "./read_file.ts";
import type { Reading, ReadingList } from "./reading_list.ts";

/** A server that has just started reads nothing for this time, in milliseconds: its clients come back first. */
export const SETTLING_MS = 10 * 60_000;
/** The number of files in one look-up. */
const PAGE = 100;
/** The interval at which progress is saved, in milliseconds. After a crash, as much is read again. */
const SAVE_MS = 10_000;
/** The most files since the last one that could be read, with those that are known to be missing. */
const MAX_UNREAD = 1000;
/** The time for which the totals of all files are used, in milliseconds. */
const TOTALS_MS = 10 * 60_000;

export interface FilesOfRoundOptions {
  readonly store: { readonly catalog: Catalog };
  readonly limits: Pick<Limits, "checkIntervalMs" | "checkRate">;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Milliseconds since any moment. */
  readonly ticks: () => number;
  readonly isBusy: () => boolean;
}

/** A file that could not be read, and may be intact. */
interface Unread {
  readonly file: StoredFile;
  readonly error: unknown;
}

/** A file is missing that was not known to be. If many are, the store is, and none of them is damaged. */
class MissingContent extends Error {}

export class FilesOfRound implements ReadingList {
  readonly #options: FilesOfRoundOptions;
  readonly #startedAt: number;
  /** As the catalog has them, with the progress since; `undefined` until the catalog was asked. */
  #rounds: Rounds | undefined;
  #mustLook = false;
  #savedAt = -Infinity;
  #isSaved = true;
  /** Files that are read next. */
  #page: StoredFile[] = [];
  /** The last file that was tried. */
  #after: BlobId | undefined;
  /** Files since the last one that could be read. */
  #unread: Unread[] = [];
  /** When the last file was begun, by `ticks`, and what it has cost in bytes. */
  #last = { at: -Infinity, cost: 0 };
  readonly #totals: FreshValue<FileTotals>;
  /** Whether the store has answered in this round. */
  #hasRead = false;
  /** Whether the store did not answer the last time. */
  #isWaiting = false;

  constructor(options: FilesOfRoundOptions) {
    this.#options = options;
    this.#startedAt = options.ticks();
    this.#totals = new FreshValue(() => this.#count(), TOTALS_MS, options.ticks);
  }

  get rate(): number {
    return this.#options.limits.checkRate;
  }

  /** The rounds with the progress that is not stored yet; `undefined` if this server does not read. */
  get rounds(): Rounds | undefined {
    return this.#rounds;
  }

  /** The files and settings for planning. `maxAgeMs`: the age up to which the number of files is used again. */
  async plan(maxAgeMs?: number): Promise<CheckPlan> {
    const { limits: { checkIntervalMs: intervalMs, checkRate: maxRate }, clock } = this.#options;
    return { totals: await this.#totals.read(maxAgeMs), intervalMs, maxRate, now: clock() };
  }

  /** The number of all files, and their bytes, old versions too. */
  async #count(): Promise<FileTotals> {
    const accounts = await this.#options.store.catalog.accounts.list();
    const sum = (what: keyof FileTotals) =>
      accounts.reduce((all, { usage, history }) => all + usage[what] + history[what], 0);
    return { files: sum("files"), bytes: sum("bytes") };
  }

  /** Counts all files again. */
  recount(): void {
    this.#totals.forget();
  }

  /** The time until a round can begin by itself, in milliseconds. */
  get settlesMs(): number {
    return Math.max(0, this.#startedAt + SETTLING_MS - this.#options.ticks());
  }

  /** Another server, or an operator, may have begun a round. */
  look(): void {
    this.#mustLook = true;
  }

  async next(): Promise<StoredFile | number> {
    const { store: { catalog }, limits: { checkIntervalMs }, clock } = this.#options;
    if (this.#mustLook) {
      this.#mustLook = false;
      await this.save();
      this.release();
    }
    const rounds = this.#rounds ??= roundsOf(await catalog.checks.list());
    const isOn = checkIntervalMs > 0;
    let { current } = rounds;
    if (current === undefined) {
      if (!isOn) return Infinity;
      const isFirst = rounds.last === undefined;
      const waitMs = isFirst ? 0 : nextStart(rounds, await this.plan()) - clock();
      if (waitMs > 0) return waitMs;
    }
    if (current?.isRequested !== true) {
      if (!isOn) return Infinity;
      if (this.settlesMs > 0) return this.settlesMs;
    }
    current ??= await this.#begin();
    const pauseMs = await this.#pauseMs(current);
    if (pauseMs > 0) return pauseMs;
    const file = await this.#take(current);
    if (file !== undefined) return file;
    await this.#end(this.#rounds?.current ?? current);
    return 0;
  }

  async finish(file: StoredFile, reading: Reading): Promise<boolean> {
    const { current } = this.#rounds ?? {};
    if (current === undefined) return true;
    const isMissing = reading.kind === "damaged" && reading.damage === "missing";
    if (isMissing && file.damage !== "missing") throw new MissingContent("its content is missing");
    // A file that is known to be missing does not tell whether the store is there.
    if (isMissing && this.#unread.length > 0) {
      if (this.#unread.length >= MAX_UNREAD) throw new MissingContent("its content is missing");
      this.#unread.push({ file, error: new MissingContent() });
      return false;
    }
    const isKnown = reading.kind !== "damaged" ||
      await recordDamage(this.#options, file, reading.damage);
    if (!isKnown) throw new Error("its damage could not be recorded");
    this.#last.cost += file.size;
    const before = await this.#settle(current);
    const isRead = reading.kind !== "gone";
    this.#advance({
      ...before,
      after: file.content.id,
      files: before.files + Number(isRead),
      bytes: before.bytes + (isRead ? file.size : 0),
      damaged: before.damaged + Number(reading.kind === "damaged"),
    });
    if (this.#options.ticks() - this.#savedAt >= SAVE_MS) await this.save();
    if (isMissing) return false;
    if (this.#isWaiting) {
      this.#options.log.info("The check of stored files continues", { event: "check.continued" });
    }
    this.#isWaiting = false;
    this.#hasRead = true;
    return true;
  }

  fail(file: StoredFile | undefined, error: unknown, isDown: boolean): void {
    if (file !== undefined) this.#unread.push({ file, error });
    if (!isDown) return;
    const count = this.#unread.length;
    this.#rewind();
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#options.log.warn(
      "The check of stored files waits, because the store may be unreachable: {reason}",
      { event: "check.waiting", files: count, reason: printable(reasonOf(error)) },
    );
  }

  release(): void {
    this.#rewind();
    this.#rounds = undefined;
    this.#isSaved = true;
  }

  /** Saves the progress. If another round has begun meanwhile, the progress no longer counts. */
  async save(): Promise<void> {
    const { current } = this.#rounds ?? {};
    if (current === undefined || this.#isSaved) return;
    this.#savedAt = this.#options.ticks();
    if (!(await this.#options.store.catalog.checks.save(current))) return this.release();
    this.#isSaved = true;
  }

  async #begin(): Promise<CheckRound> {
    const { store: { catalog }, clock } = this.#options;
    const current = await catalog.checks.begin(clock(), false);
    this.recount();
    this.#hasRead = false;
    this.#rewind();
    this.#rounds = { ...this.#rounds, current };
    return current;
  }

  /** The time until the next file is due, in milliseconds. */
  async #pauseMs(round: CheckRound): Promise<number> {
    const { ticks, isBusy } = this.#options;
    const planned = rateOf(round, this.#rounds ?? {}, await this.plan());
    const rate = isBusy() ? Math.min(planned, BUSY_RATE) : planned;
    return this.#last.at + 1000 * this.#last.cost / rate - ticks();
  }

  /** The next file, unless all were read. */
  async #take(round: CheckRound): Promise<StoredFile | undefined> {
    if (this.#page.length === 0) {
      this.#after ??= round.after;
      this.#page = await this.#options.store.catalog.files.scan(this.#after, PAGE);
    }
    const file = this.#page.shift();
    if (file === undefined) return undefined;
    this.#after = file.content.id;
    this.#last = { at: this.#options.ticks(), cost: FILE_COST };
    return file;
  }

  async #end(round: CheckRound): Promise<void> {
    const { store: { catalog }, log, clock } = this.#options;
    const [first] = this.#unread;
    if (first !== undefined && !this.#hasRead) throw first.error;
    const ended = { ...await this.#settle(round), endedAt: clock() };
    const isCurrent = await catalog.checks.save(ended);
    this.release();
    if (!isCurrent) return;
    const { files, bytes, damaged, unreadable } = ended;
    const isGood = damaged + unreadable === 0;
    const words = "Read all {files} stored files again ({bytes} bytes): {damaged} damaged, " +
      `{unreadable} unreadable${isGood ? "" : "; run 'xfer server check'"}`;
    log[isGood ? "info" : "warn"](words, {
      ...{ event: "check.completed", files, bytes, damaged, unreadable },
    });
  }

  /** Decides about the files that could not be read, now that another one could: the store is there. */
  async #settle(round: CheckRound): Promise<CheckRound> {
    let { files, damaged, unreadable } = round;
    const { log } = this.#options;
    for (const { file, error } of this.#unread.splice(0)) {
      files++;
      if (error instanceof MissingContent) {
        damaged += Number(await recordDamage(this.#options, file, "missing"));
        continue;
      }
      unreadable++;
      log.warn("Could not read {file} of account {client} to check it: {reason} ({path})", {
        ...{ event: "file.not-checked", ...shown(file), reason: printable(reasonOf(error)) },
      });
    }
    return { ...round, files, damaged, unreadable };
  }

  #advance(current: CheckRound): void {
    this.#rounds = { ...this.#rounds, current };
    this.#isSaved = false;
  }

  /** Begins again after the last file that could be read. */
  #rewind(): void {
    this.#page = [];
    this.#unread = [];
    this.#after = undefined;
  }
}
