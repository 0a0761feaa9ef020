/**
 * What a command says: results to standard output, everything else to standard error; or, for programs, every event as a
 * line of JSON on standard output, and the words for people on standard error.
 *
 * @module
 */
import { InterruptedError, reasonOf, StorageError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import {
  asideOf,
  type Event,
  type EventOf,
  isDetail,
  kindOf,
  toJson,
  wordsOf,
} from "../events/mod.ts";
import type { EventKind } from "../events/definition.ts";
import type { ErrorClass } from "../exit_codes.ts";
import { coloured, type Paint, plain } from "../text/colors.ts";

export const COLORS = ["auto", "always", "never"] as const;

/** How a command is to speak: the options that every command has. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: (typeof COLORS)[number];
  readonly progress: boolean;
  /** Options, each after a blank, with which commands below `xfer client` or `xfer server` work where this one does. */
  readonly places: Readonly<Partial<Record<"client" | "server", string>>>;
}

export const DEFAULT_OUTPUT: OutputOptions = {
  ...{ json: false, quiet: false, verbose: false, color: "auto", progress: true, places: {} },
};

/** The part of a standard stream that is used here. */
export interface Stream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

export interface Streams {
  /** Whom questions are asked; without, nobody. */
  readonly stdin?: { read(buffer: Uint8Array): Promise<number | null>; isTerminal(): boolean };
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Whether colours were declined (https://no-color.org), or the terminal has none. */
  readonly noColor: boolean;
}

function standardStreams(): Streams {
  const { stdin, stdout, stderr, noColor } = Deno;
  return { stdin, stdout, stderr, noColor: noColor || Deno.env.get("TERM") === "dumb" };
}

/** What shows progress: it hears all, and makes way for what is written. */
export interface Display {
  /** Comes before anything is written of the event. */
  take(event: Event): void;
  /** Whether what is drawn tells people of an event; they are told in words too only with `--verbose`. */
  shows(event: Event): boolean;
  /** Takes what is drawn away, so that text can stand there. */
  clear(): void;
  /** Shows nothing, until it is disposed of: somebody is asked something. */
  pause(): Disposable;
}

/** Bytes of an answer that is asked for: what a terminal takes for a line. */
const MAX_ANSWER = 4096;

/** Of a file that is on its way there is a line of JSON at most so often, in milliseconds. */
const PROGRESS_MS = 200;

/** Characters of a result's first line that are told where it can't be written: it may be of any length. */
const MAX_UNWRITTEN = 200;

/** Causes of causes that are shown; an error may be its own. */
const MAX_CAUSES = 8;

const encoder = new TextEncoder();

export class Reporter {
  readonly options: OutputOptions;
  readonly #streams: Streams;
  readonly #now: () => number;
  #display: Display | undefined;
  /** Whether standard output was closed by who reads it: `xfer server list | head`. */
  #nobodyReads = false;
  #failure: StorageError | undefined;
  #progressAt = -Infinity;
  /** The last error. */
  #reported: unknown;
  /** Whether the line that is begun ends with a question. */
  #isAsking = false;

  constructor(options: OutputOptions, streams = standardStreams(), now = () => performance.now()) {
    this.options = options;
    this.#streams = streams;
    this.#now = now;
  }

  /** Why the result could not be written, if it could not. The work went on all the same. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** How words on standard error are coloured. */
  get paint(): Paint {
    return this.#paintFor(this.#streams.stderr);
  }

  /** Tells a display of everything from now on, until it is detached. */
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
    const { json, quiet, verbose } = this.options;
    const { stdout, stderr } = this.#streams;
    const kind = kindOf(event);
    this.#display?.take(event);
    if (kind === "progress") return this.#reportProgress(event);
    if (json) this.#writeResult(toJson(event));
    if (kind === "result" && !json) this.#writeResult(wordsOf(event, this.#paintFor(stdout)));
    else if (
      this.#isNoted(kind) && (verbose || !(isDetail(event) || this.#display?.shows(event)))
    ) {
      this.note(wordsOf(event, this.#paintFor(stderr)));
    }
    if (!quiet) this.note(this.#asideOf(event));
  }

  /** Commands of a client in it are for other machines, or say their place themselves. */
  #asideOf(event: Event): string | undefined {
    const { places: { server } } = this.options;
    const aside = asideOf(event, this.#paintFor(this.#streams.stderr));
    return server === undefined || aside === undefined ? aside : placed(aside, { server });
  }

  /** Whether people are told of it on standard error. */
  #isNoted(kind: EventKind): boolean {
    const { json, quiet } = this.options;
    return !quiet || kind === "security" || (kind === "error" && !json);
  }

  /** Reports what failed: once, where it keeps several things from being done, and not that the command was stopped. */
  reportError(error: unknown): void {
    if (error === this.#reported || error instanceof InterruptedError) return;
    this.#reported = error;
    this.report(toEvent(error, this.options));
  }

  /** Writes text in place of a result, as it is. */
  print(text: string): void {
    this.#writeResult(text.replace(/\n$/, ""));
  }

  /** Writes text for people, as it is. Where it can't be written, the work goes on all the same. */
  note(text: string | undefined): void {
    if (text === undefined) return;
    try {
      this.#write(this.#streams.stderr, `${text}\n`);
    } catch {
      return; // there is nobody left to tell
    }
  }

  /** Asks on the terminal whether something is to be done; `false` where there is none. */
  async confirm(question: string): Promise<boolean> {
    return /^y(es)?$/i.test(await this.ask(`${question} [y/N]`) ?? "");
  }

  /** Asks for a line on the terminal; `undefined` where there is none, or its user says nothing more (Ctrl-D). */
  async ask(question: string): Promise<string | undefined> {
    const { stdin } = this.#streams;
    if (stdin?.isTerminal() !== true) return undefined;
    using _paused = this.#display?.pause();
    this.#write(this.#streams.stderr, `${printable(question)} `);
    this.#isAsking = true;
    // A terminal gives a line at a time. While it is waited for, signals are heard.
    const answer = new Uint8Array(MAX_ANSWER);
    const size = await stdin.read(answer);
    if (size === null) this.#write(this.#streams.stderr, "");
    this.#isAsking = false;
    return size === null ? undefined : new TextDecoder().decode(answer.subarray(0, size)).trim();
  }

  #reportProgress(event: Event): void {
    const { json, progress } = this.options;
    if (!json || !progress || this.#now() - this.#progressAt < PROGRESS_MS) return;
    this.#progressAt = this.#now();
    this.#writeResult(toJson(event));
  }

  #writeResult(line: string | undefined): void {
    if (line === undefined || this.#nobodyReads || this.#failure !== undefined) return;
    try {
      this.#write(this.#streams.stdout, `${line}\n`);
    } catch (cause) {
      if (cause instanceof Deno.errors.BrokenPipe) {
        this.#nobodyReads = true;
        return;
      }
      const reason = reasonOf(cause);
      this.#failure = new StorageError(
        "cannot-write-output",
        `Cannot write to standard output: ${reason}; it would have said: ${shorten(line)}`,
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

  #paintFor(stream: Stream): Paint {
    const { color } = this.options;
    if (color !== "auto") return color === "always" ? coloured : plain;
    return stream.isTerminal() && !this.#streams.noColor ? coloured : plain;
  }
}

/** The first line of a result, and no more of that than is told. */
function shorten(result: string): string {
  const [first = ""] = result.trim().split("\n", 1);
  const shown = first.slice(0, MAX_UNWRITTEN);
  return shown.length < result.trim().length ? `${shown}…` : shown;
}

/** What failed, as an event. */
function toEvent(error: unknown, { verbose, places }: OutputOptions): EventOf<"error"> {
  const isOurs = error instanceof XferError;
  return {
    event: "error",
    code: isOurs ? error.code : "internal",
    class: (isOurs ? error.category : "internal") satisfies ErrorClass,
    message: error instanceof Error ? error.message : String(error),
    ...isOurs && error.hint !== undefined ? { hint: placed(error.hint, places) } : {},
    ...verbose || !isOurs ? { stack: stackOf(error) } : {},
  };
}

/** A hint whose commands, each behind a colon, are for where this one works: `See it: xfer client list.` */
function placed(hint: string, places: OutputOptions["places"]): string {
  return hint.replace(
    /(?<=: )xfer (client|server)\b/g,
    (command, end: "client" | "server") => `${command}${places[end] ?? ""}`,
  );
}

/** Where an error arose, and where what has caused it. */
function stackOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? String(error);
  if (error.cause === undefined || depth === MAX_CAUSES) return stack;
  return `${stack}\nCaused by: ${stackOf(error.cause, depth + 1)}`;
}
