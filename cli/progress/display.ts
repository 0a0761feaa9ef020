/**
 * Progress on standard error: one line that is redrawn on a terminal, or lines at intervals for a log.
 *
 * @module
 */
import {
  describeProgress,
  type ProgressState,
  type ProgressStyle,
  renderProgress,
} from "./render.ts";

/** Milliseconds between two drawings. */
export const DRAW_MS = 100;
/** Milliseconds between two lines without a terminal. */
export const LINE_MS = 5000;
/** The width of a terminal that does not report one. */
const COLUMNS = 80;

/** Returns to the start of the line and erases it. */
const CLEAR = "\r\x1b[K";

/** `drawn`: in place, on a terminal. */
export type DisplayMode = "drawn" | "lines";

/** The terminal and the clock of a display. */
export interface DisplayEnvironment {
  /** Writes text unchanged. */
  readonly write: (text: string) => void;
  /** The width of the terminal. It may throw, or return 0 if unknown. */
  readonly columns: () => number;
  /** Calls `work` every `ms` milliseconds, until disposed of. */
  readonly every: (ms: number, work: () => void) => Disposable;
}

/** Draws from its creation until disposed of. */
export class ProgressDisplay implements Disposable {
  readonly #state: () => ProgressState | undefined;
  readonly #style: ProgressStyle;
  readonly #environment: DisplayEnvironment;
  readonly #timer: Disposable;
  #isDrawn = false;
  #pauses = 0;
  #lastLine = "";

  /** Calls `state` for each drawing. */
  constructor(
    mode: DisplayMode,
    state: () => ProgressState | undefined,
    style: ProgressStyle,
    environment: DisplayEnvironment = SYSTEM,
  ) {
    this.#state = state;
    this.#style = style;
    this.#environment = environment;
    this.#timer = mode === "drawn"
      ? environment.every(DRAW_MS, () => this.#draw())
      : environment.every(LINE_MS, () => this.#writeLine());
  }

  /** Erases the line, to make room for text. The next drawing is below the text. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    this.#write(CLEAR);
  }

  /** Draws and writes nothing until disposed of. */
  pause(): Disposable {
    this.clear();
    this.#pauses++;
    return { [Symbol.dispose]: () => void this.#pauses-- };
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    // A timer that is already due may fire once more.
    this.pause();
  }

  #draw(): void {
    if (this.#pauses > 0) return;
    const state = this.#state();
    if (state === undefined) return;
    // Read for each drawing, because the terminal may be resized.
    const line = renderProgress(state, this.#columns(), this.#style);
    if (this.#isDrawn && line === this.#lastLine) return;
    this.#lastLine = line;
    this.#isDrawn = true;
    this.#write(`\r${line}\x1b[K`);
  }

  #writeLine(): void {
    if (this.#pauses > 0) return;
    const state = this.#state();
    const line = state === undefined ? "" : describeProgress(state);
    if (line === this.#lastLine) return;
    this.#lastLine = line;
    this.#write(`${line}\n`);
  }

  #columns(): number {
    try {
      return this.#environment.columns() || COLUMNS;
    } catch {
      return COLUMNS;
    }
  }

  /** Errors are ignored: progress is not worth failing for. */
  #write(text: string): void {
    try {
      this.#environment.write(text);
    } catch {
      return;
    }
  }
}

const encoder = new TextEncoder();

const SYSTEM: DisplayEnvironment = {
  write: (text) => {
    const bytes = encoder.encode(text);
    for (let done = 0; done < bytes.length;) done += Deno.stderr.writeSync(bytes.subarray(done));
  },
  columns: () => Deno.consoleSize().columns,
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    // The timer alone does not keep the program running.
    Deno.unrefTimer(timer);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
