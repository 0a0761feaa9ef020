/**
 * Progress of `put` and `get`, for as long as they take.
 *
 * @module
 */
import type { Event, EventName, EventOf } from "../events/mod.ts";
import { ASCII, type Glyphs, UNICODE } from "./render.ts";
import { type Manner, ProgressDisplay } from "./display.ts";
import type { Reporter } from "../output/reporter.ts";
import { type Direction, Tally } from "./counters.ts";

/** What counts in a tally, at a time in milliseconds. */
const COUNTED: {
  readonly [N in EventName]?: (tally: Tally, event: EventOf<N>, at: number) => void;
} = {
  "comparing": (tally, { done, total }) => tally.compare(done, total),
  "planned": (tally, { files, bytes }) => tally.plan(files, bytes),
  "sending": (tally, { file, size, attempt }, at) => tally.begin(at, file, size, attempt),
  "getting": (tally, { file, size, done, attempt }, at) => {
    tally.begin(at, file, size, attempt);
    tally.resume(file, done);
  },
  "resumed": (tally, { file, done }) => tally.resume(file, done),
  "progress": (tally, { file, done }, at) => tally.advance(at, file, done),
  "retrying": (tally) => tally.retry(),
  "stored": (tally, { path, size }) => tally.succeed(path, size),
  "not-stored": (tally, { path }) => tally.fail(path),
  "got": (tally, { name, size, range }) => tally.succeed(name, range?.bytes ?? size),
  "not-got": (tally, { name }) => tally.fail(name),
};

/** What a drawn line says better. */
const DRAWN: ReadonlySet<EventName> = new Set(["sending", "getting"]);

/** Counts an event, where there is something to be counted. */
export function count(tally: Tally, event: Event, at: number): void {
  const counted = COUNTED[event.event] as
    | ((tally: Tally, event: Event, at: number) => void)
    | undefined;
  counted?.(tally, event, at);
}

/** What is known of where words for people go. */
export interface Place {
  readonly isTerminal: boolean;
  readonly os: typeof Deno.build.os;
  /** A variable of the environment. */
  readonly variable: (name: string) => string | undefined;
}

/** How progress is shown there. */
export function mannerFor({ isTerminal, variable }: Place): Manner {
  return isTerminal && variable("TERM") !== "dumb" ? "drawn" : "lines";
}

/** What can be drawn with there: Unicode, where the system's own words are written in it. */
export function glyphsFor({ os, variable }: Place): Glyphs {
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
  const place: Place = {
    isTerminal: Deno.stderr.isTerminal(),
    os: Deno.build.os,
    variable: (name) => Deno.env.get(name),
  };
  const manner = mannerFor(place);
  const tally = new Tally(direction);
  const now = () => performance.now();
  const style = { glyphs: glyphsFor(place), paint: reporter.paint };
  const display = new ProgressDisplay(manner, () => tally.state(now()), style);
  stack.use(display);
  stack.use(reporter.attach({
    take: (event) => count(tally, event, now()),
    shows: ({ event }) => manner === "drawn" && DRAWN.has(event),
    clear: () => display.clear(),
    pause: () => display.pause(),
  }));
  return stack;
}
