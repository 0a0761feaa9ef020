/**
 * Progress of `put` and `get`.
 *
 * @module
 */
import type { Event, EventName, EventOf } from "../events/mod.ts";
import { ASCII, type Glyphs, UNICODE } from "./render.ts";
import { type DisplayMode, ProgressDisplay } from "./display.ts";
import type { Reporter } from "../output/reporter.ts";
import { type Direction, TransferCounters } from "./counters.ts";

/** The events that change the counters; `at` is in milliseconds. */
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

/** Events that the drawn line shows. */
const DRAWN: ReadonlySet<EventName> = new Set(["sending", "getting"]);

/** Updates the counters with an event. */
export function count(counters: TransferCounters, event: Event, at: number): void {
  const counted = COUNTED[event.event] as
    | ((counters: TransferCounters, event: Event, at: number) => void)
    | undefined;
  counted?.(counters, event, at);
}

/** Properties of the terminal, or of what stands for it. */
export interface Terminal {
  readonly isTerminal: boolean;
  readonly os: typeof Deno.build.os;
  /** A variable of the environment. */
  readonly variable: (name: string) => string | undefined;
}

/** The way in which progress is shown. */
export function modeFor({ isTerminal, variable }: Terminal): DisplayMode {
  return isTerminal && variable("TERM") !== "dumb" ? "drawn" : "lines";
}

/** Characters for the bar: Unicode if the locale uses it. */
export function glyphsFor({ os, variable }: Terminal): Glyphs {
  // Fonts of the old Windows console lack these characters. Windows Terminal sets this variable.
  if (os === "windows") return variable("WT_SESSION") === undefined ? ASCII : UNICODE;
  // The first that is set and not empty counts; see locale(7).
  const locale = variable("LC_ALL") || variable("LC_CTYPE") || variable("LANG") || "";
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

/** Shows progress until disposed of. With `--json`, `--quiet` or `--no-progress` it shows none. */
export function showProgress(reporter: Reporter, direction: Direction): Disposable {
  const { json, quiet, progress } = reporter.options;
  const stack = new DisposableStack();
  if (json || quiet || !progress) return stack;
  const place: Terminal = {
    isTerminal: Deno.stderr.isTerminal(),
    os: Deno.build.os,
    variable: (name) => Deno.env.get(name),
  };
  const mode = modeFor(place);
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
