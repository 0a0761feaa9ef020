/**
 * Reads the files of a list in the background, one at a time, slowly, and more slowly while the server is busy.
 *
 * @module
 */
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Store } from "../data_folder/data_folder.ts";
import type { Log } from "../limits/server_log.ts";
import { RetryDelay } from "./retry_delay.ts";
import { type Pause, pause as realPause } from "./pause.ts";
import { readFile } from "./read_file.ts";
import type { ReadingList } from "./reading_list.ts";

/** The rate while the server is busy, in bytes per second, so that even then every file is read some day. */
export const BUSY_RATE = 1024 * 1024;
/** The interval of looks at whether the server is idle again, in milliseconds. */
const LOOK_MS = 100;
/** The number of failures in a row after which all files wait: the store may be unreachable. */
export const MAX_FAILURES = 8;

export interface ReaderOptions {
  readonly store: Store;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Whether this server reads the files of all servers that share the catalog. */
  readonly isActive: () => boolean;
  /** Whether others need the disk and the processor. */
  readonly isBusy: () => boolean;
  /** The shortest time until a store that failed is asked again, in milliseconds. */
  readonly retryMs?: number | undefined;
  readonly pause?: Pause | undefined;
}

export class BackgroundReader {
  readonly #list: ReadingList;
  readonly #options: ReaderOptions;
  readonly #pause: Pause;
  readonly #end = new AbortController();
  readonly #retryDelay: RetryDelay;
  /** The number of failures since the last file that could be read. */
  #failures = 0;
  #running: Promise<void> | undefined;
  #rest: AbortController | undefined;
  /** Whether something has changed since the last look at the list. */
  #isWoken = false;
  #isReading = false;
  /** Whether the reader rests because the store has failed. */
  #backsOff = false;
  #waitsFor: string | undefined;

  constructor(list: ReadingList, options: ReaderOptions) {
    this.#list = list;
    this.#options = options;
    this.#pause = options.pause ?? realPause;
    this.#retryDelay = new RetryDelay(options.retryMs);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Whether a file is being read now. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Why all files wait, if they do. */
  get waitsFor(): string | undefined {
    return this.#waitsFor;
  }

  /** The list has changed. `isUrgent`: even a store that has failed is asked at once. */
  wake(isUrgent = false): void {
    if (this.#backsOff && !isUrgent) return;
    this.#isWoken = true;
    this.#rest?.abort();
  }

  /** Ends the work. The file that is being read is read again after the next start. */
  async close(): Promise<void> {
    this.#end.abort();
    this.#rest?.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      this.#isWoken = false;
      const ms = await this.#step();
      if (ms <= 0 || this.#isWoken || signal.aborted) continue;
      this.#rest = new AbortController();
      await this.#pause(ms, this.#rest.signal);
      this.#rest = undefined;
    }
  }

  /** Reads one file, or returns the time until the next look, in milliseconds. */
  async #step(): Promise<number> {
    this.#backsOff = false;
    if (!this.#options.isActive()) {
      this.#list.release();
      this.#waitsFor = undefined;
      return Infinity;
    }
    let file: StoredFile | undefined;
    try {
      const next = await this.#list.next();
      if (next === Infinity) this.#waitsFor = undefined;
      if (typeof next === "number") return next;
      file = next;
      if (!(await this.#read(file))) return 0;
      // The store answers.
      this.#failures = 0;
      this.#retryDelay.reset();
      this.#waitsFor = undefined;
      return 0;
    } catch (error) {
      const isDown = file === undefined || ++this.#failures % MAX_FAILURES === 0;
      this.#list.fail(file, error, isDown);
      if (!isDown) return 0;
      this.#backsOff = true;
      this.#waitsFor = printable(reasonOf(error));
      return this.#retryDelay.take();
    }
  }

  /** Returns whether that shows that the store answers. */
  async #read(file: StoredFile): Promise<boolean> {
    const { store, log, clock } = this.#options;
    const { signal } = this.#end;
    this.#isReading = true;
    try {
      const onChunk = (size: number) => this.#pace(size);
      const reading = await readFile({ store, log, clock, signal, onChunk }, file);
      if (reading === undefined) return false;
      return await this.#list.finish(file, reading);
    } finally {
      this.#isReading = false;
    }
  }

  /** Waits between two chunks, so that others can use the disk and the processor. */
  async #pace(size: number): Promise<void> {
    const { signal } = this.#end;
    await this.#pause(1000 * size / Math.max(1, this.#list.rate), signal);
    let left = 1000 * size / BUSY_RATE;
    while (left > 0 && !signal.aborted && this.#options.isBusy()) {
      const ms = Math.min(left, LOOK_MS);
      await this.#pause(ms, signal);
      left -= ms;
    }
  }
}
