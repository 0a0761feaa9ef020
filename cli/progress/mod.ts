/**
 * Progress of `put` and `get`, for as long as they take.
 *
 * @module
 */
import type { Event, EventName, EventOf } from "../events/mod.ts";
import { ASCII, type Glyphs, UNICODE } from "./render.ts";
import { type DisplayMode, ProgressDisplay } from "./display.ts";
import type { Reporter } from "../output/reporter.ts";
import { type Direction, TransferCounters } from "./counters.ts";

/** What counts, at a time in milliseconds. */
const COUNTED: {
  readonly [N in EventName]?: (counters: TransferCounters, event: EventOf<N>, at: number) => void;
} = {
  "comparing": (counters, { done, total }) => counters.compare(done, total),
  "planned": (counters, { files, bytes }) => counters.plan(files, bytes),
  "sending": (counters, { file, size, attempt }, at) => counters.begin(at, file, size, attempt),
  "getting": (counters, { file, size, done, attempt }, at) => {
    counters.begin(at, file, size, attempt);
    counters.resume(file, done);
  },
  "resumed": (counters, { file, done }) => counters.resume(file, done),
  "progress": (counters, { file, done }, at) => counters.advance(at, file, done),
  "retrying": (counters) => counters.retry(),
  "stored": (counters, { path, size }) => counters.succeed(path, size),
  "not-stored": (counters, { path }) => counters.fail(path),
  "got": (counters, { name, size, range }) => counters.succeed(name, range?.bytes ?? size),
  "not-got": (counters, { name }) => counters.fail(name),
};

/** What a drawn line says better. */
const DRAWN: ReadonlySet<EventName> = new Set(["sending", "getting"]);

/** Counts an event, where there is something to be counted. */
export function count(counters: TransferCounters, event: Event, at: number): void {
  const counted = COUNTED[event.event] as
    | ((counters: TransferCounters, event: Event, at: number) => void)
    | undefined;
  counted?.(counters, event, at);
}

/** What is known of where words for people go. */
export interface Terminal {
  readonly isTerminal: boolean;
  readonly os: typeof Deno.build.os;
  /** A variable of the environment. */
  readonly variable: (name: string) => string | undefined;
}

/** How progress is shown there. */
export function mannerFor({ isTerminal, variable }: Terminal): DisplayMode {
  return isTerminal && variable("TERM") !== "dumb" ? "drawn" : "lines";
}

/** What can be drawn with there: Unicode, where the system's own words are written in it. */
export function glyphsFor({ os, variable }: Terminal): Glyphs {
  // The old console of Windows has fonts without these characters; its successor tells that it is there.
  if (os === "windows") return variable("WT_SESSION") === undefined ? ASCII : UNICODE;
  // The first that is set and not empty counts: locale(7).
  const locale = variable("LC_ALL") || variable("LC_CTYPE") || variable("LANG") || "";
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

/** Shows progress until it is disposed of, unless the options of the output say not to. */
export function showProgress(reporter: Reporter, direction: Direction): Disposable {
  const { quiet, progress } = reporter.options;
  const stack = new DisposableStack();
  if (quiet || !progress) return stack;
  const place: Terminal = {
    isTerminal: Deno.stderr.isTerminal(),
    os: Deno.build.os,
    variable: (name) => Deno.env.get(name),
  };
  const mode = mannerFor(place);
  const counters = new TransferCounters(direction);
  const now = () => performance.now();
  const style = { glyphs: glyphsFor(place), paint: reporter.paint };
  const display = new ProgressDisplay(mode, () => counters.state(now()), style);
  stack.use(display);
  stack.use(reporter.attach({
    take: (event) => count(counters, event, now()),
    shows: ({ event }) => mode === "drawn" && DRAWN.has(event),
    clear: () => display.clear(),
    pause: () => display.pause(),
  }));
  return stack;
}
