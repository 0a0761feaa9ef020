/**
 * The state of a transfer, counted from the events of its files.
 *
 * @module
 */
import { shownSource } from "../../protocol/standard_input.ts";
import type { ProgressPhase, ProgressState } from "./render.ts";
import { RateMeter } from "./rate_meter.ts";

export type Direction = "put" | "get";

const NAMES: Readonly<
  Record<Direction, { flowing: ProgressPhase; awaited: ProgressPhase; done: ProgressPhase }>
> = {
  put: { flowing: "sending", awaited: "approval", done: "stored" },
  get: { flowing: "getting", awaited: "saving", done: "written" },
};

interface InFlight {
  /** In bytes; `undefined` if it is not known. */
  readonly size: number | undefined;
  readonly done: number;
  /** Counted from 1. */
  readonly attempt: number;
}

/** Keeps each file in progress, and only totals of the others. Times are in milliseconds. */
export class TransferCounters {
  readonly #direction: Direction;
  readonly #meter = new RateMeter();
  /** All files and bytes, as far as known. */
  /** The files that began before anything was planned, and their bytes. */
  #before: { readonly files: number; readonly bytes: number } | undefined;
  #planned = { files: 0, bytes: 0 };
  /** Files in progress, by path for uploads, by name for downloads. */
  readonly #inFlight = new Map<string, InFlight>();
  /** Transferred bytes, and sizes, of the files in progress. */
  #over = 0;
  #sizes = 0;
  /** Files in progress that are not transferred in full, and those whose size is not known. */
  #unfinished = 0;
  #unsized = 0;
  #settled = { files: 0, bytes: 0 };
  #failed = { files: 0, bytes: 0 };
  #current = "";
  #isInterrupted = false;
  #comparing: { readonly done: number; readonly total: number } | undefined;

  constructor(direction: Direction) {
    this.#direction = direction;
  }

  /**
   * Sets the number of files to transfer, and their bytes: first of those that are still to be transferred, then of
   * these and more.
   */
  plan(files: number, bytes: number): void {
    const over = this.#settled.bytes + this.#failed.bytes;
    this.#before ??= { files: this.#began, bytes: over };
    this.#planned = { files: this.#before.files + files, bytes: this.#before.bytes + bytes };
    this.#comparing = undefined;
  }

  /** Files here are compared with those on the server. */
  compare(done: number, total: number): void {
    this.#comparing = { done, total };
  }

  /** A file begins, or begins again. After a network failure that is another attempt. */
  begin(at: number, name: string, size: number | undefined, attempt = 1): void {
    // Time without a network does not count.
    if (this.#isInterrupted || this.#began === 0) this.#meter.begin(at);
    const before = this.#inFlight.get(name)?.attempt ?? 0;
    this.#set(name, { size, done: 0, attempt: Math.max(attempt, before + 1) });
    this.#goOn(name);
  }

  /** A file resumes after `done` bytes. */
  resume(name: string, done: number): void {
    const file = this.#inFlight.get(name);
    if (file !== undefined) this.#set(name, { ...file, done });
    this.#goOn(name);
  }

  /** `done` bytes of a file are transferred. */
  advance(at: number, name: string, done: number): void {
    const file = this.#inFlight.get(name);
    if (file === undefined) return;
    this.#meter.add(at, Math.max(0, done - file.done));
    this.#set(name, { ...file, done });
    this.#goOn(name);
  }

  /** A file is confirmed. */
  succeed(name: string, size: number): void {
    this.#drop(name);
    this.#turnFrom(name, name);
    this.#settled = { files: this.#settled.files + 1, bytes: this.#settled.bytes + size };
  }

  /** A file has failed, and is not tried again. */
  fail(name: string): void {
    const { size = 0 } = this.#inFlight.get(name) ?? {};
    this.#drop(name);
    this.#turnFrom(name, "");
    this.#failed = { files: this.#failed.files + 1, bytes: this.#failed.bytes + size };
  }

  /** The network failed; the transfer will be retried. */
  retry(): void {
    this.#isInterrupted = true;
  }

  /** The current state; `undefined` before anything began. */
  state(now: number): ProgressState | undefined {
    if (this.#comparing !== undefined) {
      const { done, total } = this.#comparing;
      return { phase: "comparing", name: this.#current, done, total, attempt: 1 };
    }
    const began = this.#began;
    if (began === 0) return undefined;
    const files = { done: this.#settled.files, total: Math.max(this.#planned.files, began) };
    const done = this.#settled.bytes + this.#over;
    const total = Math.max(
      this.#planned.bytes,
      this.#settled.bytes + this.#failed.bytes + this.#sizes,
    );
    const rate = this.#meter.rate(now);
    const left = total - done - this.#failed.bytes;
    const isSized = this.#unsized === 0;
    return {
      phase: this.#phase(began === files.total, files.done === files.total),
      ...{ name: shownSource(this.#current), done, total: isSized ? total : undefined, rate },
      attempt: this.#inFlight.get(this.#current)?.attempt ?? 1,
      left: !isSized || rate === undefined || rate < 1 ? undefined : Math.max(0, left) / rate,
      files: files.total > 1 ? files : undefined,
    };
  }

  get #began(): number {
    return this.#inFlight.size + this.#settled.files + this.#failed.files;
  }

  #phase(allBegun: boolean, allDone: boolean): ProgressPhase {
    const { flowing, awaited, done } = NAMES[this.#direction];
    if (allDone) return done;
    if (this.#isInterrupted) return "retrying";
    return allBegun && this.#unfinished === 0 && this.#inFlight.size > 0 ? awaited : flowing;
  }

  #goOn(name: string): void {
    this.#comparing = undefined;
    this.#isInterrupted = false;
    this.#current = name;
  }

  /** After a file ends, shows the file in progress that changed last. */
  #turnFrom(name: string, otherwise: string): void {
    if (this.#current !== name) return;
    this.#current = [...this.#inFlight.keys()].at(-1) ?? otherwise;
  }

  #set(name: string, file: InFlight): void {
    this.#drop(name);
    this.#inFlight.set(name, file);
    this.#count(file, 1);
  }

  #drop(name: string): void {
    const file = this.#inFlight.get(name);
    if (file === undefined) return;
    this.#inFlight.delete(name);
    this.#count(file, -1);
  }

  #count({ size, done }: InFlight, by: 1 | -1): void {
    this.#over += by * done;
    this.#sizes += by * (size ?? done);
    if (size === undefined || done < size) this.#unfinished += by;
    if (size === undefined) this.#unsized += by;
  }
}
