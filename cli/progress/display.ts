/**
 * Progress on standard error: a line on a terminal that is drawn again and again, or lines at intervals for a log.
 *
 * @module
 */
import {
  describeProgress,
  type ProgressState,
  type ProgressStyle,
  renderProgress,
} from "./render.ts";

/** Between two drawings, in milliseconds: more often than this nobody sees. */
export const DRAW_MS = 100;
/** Between two lines where there is no terminal, in milliseconds. */
export const LINE_MS = 5000;
/** Where the terminal does not say how wide it is. */
const COLUMNS = 80;

/** To the beginning of the line; what stood there goes. */
const CLEAR = "\r\x1b[K";

/** `drawn`: in place, where there is a terminal that can. */
export type DisplayMode = "drawn" | "lines";

/** Where a display draws, and where it has its time from. */
export interface DisplayEnvironment {
  /** Writes text as it is. */
  readonly write: (text: string) => void;
  /** How wide the terminal is. It may throw, or know nothing and say 0. */
  readonly columns: () => number;
  /** Does work again and again, with so many milliseconds between, until it is disposed of. */
  readonly every: (ms: number, work: () => void) => Disposable;
}

/** Draws from the moment it is made to the moment it is disposed of. */
export class ProgressDisplay implements Disposable {
  readonly #state: () => ProgressState | undefined;
  readonly #style: ProgressStyle;
  readonly #environment: DisplayEnvironment;
  readonly #timer: Disposable;
  #isDrawn = false;
  #pauses = 0;
  #lastLine = "";

  /** `state` is asked when it is time to draw. */
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

  /** Takes away what is drawn, so that text can stand there. It is drawn again, below the text, when it is time. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    this.#write(CLEAR);
  }

  /** Draws and writes nothing until it is disposed of. */
  pause(): Disposable {
    this.clear();
    this.#pauses++;
    return { [Symbol.dispose]: () => void this.#pauses-- };
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    // A timer that is due already may ring once more.
    this.pause();
  }

  #draw(): void {
    if (this.#pauses > 0) return;
    const state = this.#state();
    if (state === undefined) return;
    // Asked each time, the size is right after a resize too.
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

  /** Nobody fails because progress can't be shown. */
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
    // What has nothing else to do ends.
    Deno.unrefTimer(timer);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
