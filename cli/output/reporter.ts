/**
 * The output of a command: results to standard output, everything else to standard error. With `--json`, every event is a
 * line of JSON on standard output, and only errors and warnings go to standard error.
 *
 * @module
 */
import { InterruptedError, reasonOf, StorageError, type XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { type Event, isDetail, kindOf, noteOf, toJson, wordsOf } from "../events/mod.ts";
import type { EventKind } from "../events/definition.ts";
import { type HintPlaces, placed, toErrorEvent } from "./error_event.ts";
import {
  type FailureEvent,
  failureWords,
  hasFailed,
  isFailure,
  isLeftUndone,
  Repetition,
} from "./failed_file.ts";
import { colored, type Paint, plain } from "../text/colors.ts";
import { wrapForTerminal } from "../text/terminal_wrap.ts";
import { type Presentation, presentation } from "../text/presentation.ts";
import { standardStreams, type Stream, type Streams } from "./streams.ts";

export const COLORS = ["auto", "always", "never"] as const;

/** The output options, which every command has. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Whether people see exact sizes. */
  readonly bytes: boolean;
  readonly color: (typeof COLORS)[number];
  readonly progress: boolean;
  readonly places: HintPlaces;
}

export const DEFAULT_OUTPUT: OutputOptions = {
  ...{ json: false, quiet: false, verbose: false, bytes: false },
  ...{ color: "auto", progress: true, places: {} },
};

/** Shows progress. It receives all events, and clears the line when text is written. */
export interface Display {
  /** Receives an event before its words are written. */
  take(event: Event): void;
  /** Whether the drawn line shows the event; its words are then written with `--verbose` only. */
  shows(event: Event): boolean;
  /** Clears the drawn line, to make room for text. */
  clear(): void;
  /** Hides the line until disposed of, for example during a question. */
  pause(): Disposable;
}

/** Maximum length of an answer in bytes: the longest line that a terminal accepts. */
const MAX_ANSWER = 4096;

/** Milliseconds between two `progress` lines of JSON. */
const PROGRESS_MS = 200;

/** Characters that are quoted from a result that cannot be written. */
const MAX_UNWRITTEN = 200;

const encoder = new TextEncoder();

export class Reporter {
  readonly options: OutputOptions;
  readonly #streams: Streams;
  readonly #now: () => number;
  #display: Display | undefined;
  /** Whether the reader of standard output closed it: `xfer server list | head`. */
  #nobodyReads = false;
  #failure: StorageError | undefined;
  #progressAt = -Infinity;
  /** The last error that was reported. */
  #reported: unknown;
  /** Whether the cursor stands after a question. */
  #isAsking = false;
  /** Whether standard output is for content. */
  #isDiverted = false;
  /** The number of files that the command handles. */
  #files = 1;
  #interrupted = 0;
  readonly #repetition = new Repetition();
  #isLong = false;

  constructor(options: OutputOptions, streams = standardStreams(), now = () => performance.now()) {
    this.options = options;
    this.#streams = streams;
    this.#now = now;
  }

  /** The reason why results could not be written, if so. The command still did its work. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** Whether standard error is a terminal. */
  get isTerminal(): boolean {
    return this.#streams.stderr.isTerminal();
  }

  /** The colors of standard error. */
  get paint(): Paint {
    return this.#paintFor(this.#streams.stderr);
  }

  /** Sends all events to a display, until the result is disposed of. */
  attach(display: Display): Disposable {
    this.#display = display;
    return {
      [Symbol.dispose]: () => {
        display.clear();
        if (this.#display === display) this.#display = undefined;
      },
    };
  }

  report(event: Event): void {
    this.#writeJson(event);
    this.#writeWords(event, (show) => this.#wordsOf(event, show));
  }

  /** Sets the number of files of a command that does not report `planned`: with many, it prints the summary only. */
  expectFiles(files: number): void {
    this.#files = files;
  }

  /** Prints all columns of lists. */
  useLongLines(): void {
    this.#isLong = true;
  }

  /** Reports an error once, although it may end the work on several files. An interruption is not an error. */
  reportError(error: unknown): void {
    if (this.#isReported(error)) return;
    this.#reported = error;
    this.report(toErrorEvent(error, this.options));
  }

  /**
   * Reports why a file failed. JSON has an `error`, unless it was reported before, and the event. People see one item,
   * which names the file and the reason, and the hint unless the file before it had the same.
   */
  reportFailure(error: XferError, event: FailureEvent): void {
    const wasReported = this.#isReported(error);
    this.#reported = error;
    const cause = toErrorEvent(error, this.options);
    if (!wasReported) this.#writeJson(cause);
    this.#writeJson(event);
    if (error instanceof InterruptedError || !hasFailed(event)) {
      if (!wasReported) this.#writeWords(cause, (show) => wordsOf(cause, show));
      return this.#writeWords(event, (show) => this.#wordsOf(event, show));
    }
    const shown = this.#repetition.withoutKnownHint(cause);
    this.#writeWords(event, (show) => failureWords(event, shown, wasReported, show));
  }

  #wordsOf(event: Event, show: Presentation): string | undefined {
    const words = wordsOf(event, show);
    return isLeftUndone(event) && !this.options.verbose ? this.#repetition.undone(words) : words;
  }

  /** Writes a note for people that has no event, such as the total of a list. */
  remark(words: (show: Presentation) => string): void {
    const { json, quiet, places } = this.options;
    if (json || quiet) return;
    this.#noteWrapped(placed(words(this.#presentationFor(this.#streams.stderr)), places));
  }

  /** Counts an event, and writes it as JSON with `--json`. */
  #writeJson(event: Event): void {
    this.#display?.take(event);
    if (event.event === "planned") this.#files = event.files;
    if (isFailure(event) && event.code === "interrupted") this.#interrupted++;
    const { json, progress } = this.options;
    if (!json) return;
    if (kindOf(event) === "progress") {
      if (!progress || this.#now() - this.#progressAt < PROGRESS_MS) return;
      this.#progressAt = this.#now();
    }
    this.#writeResult(toJson(event));
  }

  /** Writes the words of an event, if people are to see them, and the note that follows it. */
  #writeWords(event: Event, words: (show: Presentation) => string | undefined): void {
    const { json, quiet, verbose } = this.options;
    const { stdout, stderr } = this.#streams;
    const kind = kindOf(event);
    if (verbose || !(isDetail(event, this.#files) || this.#display?.shows(event))) {
      if (kind === "result" && !json && !this.#isDiverted) {
        this.#writeResult(words(this.#presentationFor(stdout)));
      } else if (this.#isNoted(kind)) this.#noteWrapped(words(this.#presentationFor(stderr)));
    }
    if (!quiet && !json) this.#noteWrapped(this.#noteOf(event));
  }

  /** Commands of the client in it are for other machines, or name their folder themselves. */
  #noteOf(event: Event): string | undefined {
    const { places: { server } } = this.options;
    const note = noteOf(event, () => this.#presentationFor(this.#streams.stderr));
    return server === undefined || note === undefined ? note : placed(note, { server });
  }

  /** Whether standard error shows events of a kind. */
  #isNoted(kind: EventKind): boolean {
    const { json, quiet } = this.options;
    if (this.#isDiverted) {
      // JSON is there already.
      if (json) return false;
      if (kind === "result") return !quiet;
    }
    if (kind === "progress" || kind === "result") return false;
    if (quiet) return kind === "security" || (kind === "error" && !json);
    return !json || kind !== "note";
  }

  #isReported(error: unknown): boolean {
    return error === this.#reported || error instanceof InterruptedError;
  }

  /**
   * Leaves standard output to content, which the returned function writes: from now on, results go to standard error, as
   * notes or, with `--json`, as JSON. It throws `StorageError` `cannot-write-output`, whose `cause` is that of the system.
   */
  divertResults(): (content: Uint8Array) => Promise<void> {
    const { stdout } = this.#streams;
    this.#isDiverted = true;
    return async (content) => {
      try {
        for (let done = 0; done < content.length;) {
          done += await stdout.write(content.subarray(done));
        }
      } catch (cause) {
        const reason = reasonOf(cause);
        throw new StorageError(
          "cannot-write-output",
          `cannot write to standard output: ${reason}`,
          { cause },
        );
      }
    };
  }

  /** Writes text as the result, unchanged. */
  print(text: string): void {
    this.#writeResult(text.replace(/\n$/, ""));
  }

  /** Writes a name and a NUL, for programs. On a terminal, the name is escaped. */
  printName(name: string): void {
    this.#writeResult(this.#streams.stdout.isTerminal() ? printable(name) : name, "\0");
  }

  /** Writes text for people, unchanged. If it cannot be written, the command continues. */
  note(text: string | undefined): void {
    if (text === undefined) return;
    try {
      this.#write(this.#streams.stderr, `${text}\n`);
    } catch {
      return; // nobody is left to read it
    }
  }

  #noteWrapped(text: string | undefined): void {
    this.note(text === undefined ? undefined : this.#wrapped(text));
  }

  /** Wraps text to the terminal, if standard error is one. */
  #wrapped(text: string): string {
    const width = this.isTerminal ? this.#streams.columns?.() : undefined;
    return width === undefined ? text : wrapForTerminal(text, width);
  }

  /** Asks a yes-or-no question on the terminal; `false` without a terminal. */
  async confirm(question: string): Promise<boolean> {
    return /^y(es)?$/i.test(await this.ask(`${question} [y/N]`) ?? "");
  }

  /** Asks for a line on the terminal; `undefined` without a terminal, or after Ctrl-D. */
  async ask(question: string): Promise<string | undefined> {
    const { stdin } = this.#streams;
    if (stdin?.isTerminal() !== true) return undefined;
    using _paused = this.#display?.pause();
    this.#write(this.#streams.stderr, `${this.#wrapped(printable(question))} `);
    this.#isAsking = true;
    // A terminal delivers a line at a time. Signals are handled meanwhile.
    const answer = new Uint8Array(MAX_ANSWER);
    const size = await stdin.read(answer);
    if (size === null) this.#write(this.#streams.stderr, "");
    this.#isAsking = false;
    return size === null ? undefined : new TextDecoder().decode(answer.subarray(0, size)).trim();
  }

  #writeResult(line: string | undefined, end = "\n"): void {
    if (line === undefined || this.#nobodyReads || this.#failure !== undefined) return;
    try {
      const { stdout, stderr } = this.#streams;
      this.#write(this.#isDiverted ? stderr : stdout, `${line}${end}`);
    } catch (cause) {
      if (cause instanceof Deno.errors.BrokenPipe) {
        this.#nobodyReads = true;
        return;
      }
      const reason = reasonOf(cause);
      this.#failure = new StorageError(
        "cannot-write-output",
        `cannot write to standard output: ${reason}. The result was: ${shorten(line)}`,
        { cause },
      );
      this.reportError(this.#failure);
    }
  }

  #write(stream: Stream, text: string): void {
    this.#display?.clear();
    const bytes = encoder.encode(this.#isAsking ? `\n${text}` : text);
    this.#isAsking = false;
    for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
  }

  #presentationFor(stream: Stream): Presentation {
    return presentation({
      ...{ paint: this.#paintFor(stream), bytes: this.options.bytes },
      ...{ isTerminal: stream.isTerminal(), interrupted: this.#interrupted },
      isLong: this.#isLong,
    });
  }

  #paintFor(stream: Stream): Paint {
    const { color } = this.options;
    if (color !== "auto") return color === "always" ? colored : plain;
    return stream.isTerminal() && !this.#streams.noColor ? colored : plain;
  }
}

/** The beginning of a result's first line. */
function shorten(result: string): string {
  const [first = ""] = result.trim().split("\n", 1);
  const shown = first.slice(0, MAX_UNWRITTEN);
  return shown.length < result.trim().length ? `${shown}…` : shown;
}
