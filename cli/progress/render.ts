/**
 * Progress in one line, which always fits: what there is room for, the most important first.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { cellsOf, fit } from "../text/width.ts";

/** What a run is at. */
export type ProgressPhase = keyof typeof PHASES;

interface PhaseWords {
  /** From short to long; none while bytes flow, and the rate tells more. */
  readonly words: readonly string[];
  /** Whether there is nothing left to hope for: only then it may say 100 %. */
  readonly isDone?: boolean;
}

export const PHASES = {
  "comparing": { words: ["comparing", "comparing what is there"] },
  "sending": { words: [] },
  "approval": { words: ["waiting", "waiting for approval"] },
  "stored": { words: ["stored"], isDone: true },
  "getting": { words: [] },
  "saving": { words: ["saving"] },
  "written": { words: ["written"], isDone: true },
  "retrying": { words: ["interrupted", "interrupted, to be tried again"] },
} as const satisfies Readonly<Record<string, PhaseWords>>;

export interface ProgressState {
  readonly phase: ProgressPhase;
  /** Of the file at hand, as it came; empty where there is none. */
  readonly name: string;
  /** Bytes. */
  readonly done: number;
  readonly total: number;
  /** Bytes a second, where it is known. */
  readonly rate?: number | undefined;
  /** Seconds, where they are known. */
  readonly left?: number | undefined;
  /** Of the file at hand, counted from 1. */
  readonly attempt: number;
  /** Where there is more than one. */
  readonly files?: { readonly done: number; readonly total: number } | undefined;
}

/** Characters to draw with. */
export interface Glyphs {
  readonly full: string;
  readonly empty: string;
  readonly ellipsis: string;
}

export const UNICODE: Glyphs = { full: "━", empty: "─", ellipsis: "…" };
export const ASCII: Glyphs = { full: "#", empty: "-", ellipsis: "..." };

export interface ProgressStyle {
  readonly glyphs: Glyphs;
  /** Text in a style; it takes no more room. */
  readonly paint: (style: "success" | "warning" | "dim", text: string) => string;
}

/** Between two parts. */
const GAP = 2;
/** In cells. With less room than the least, a name or a bar is left out. */
const NAME = { least: 10, most: 40 };
const BAR = { least: 8, most: 30 };

/** Percent of all bytes; 100 only where all has succeeded. */
export function percentOf({ phase, done, total }: ProgressState): number {
  if ((PHASES[phase] as PhaseWords).isDone === true) return 100;
  return total === 0 ? 0 : Math.min(99, Math.floor(done * 100 / total));
}

/** Where a part stands. */
type LineSegment = "name" | "bar" | "percent" | "bytes" | "rate" | "state" | "files" | "attempt";

/** From left to right. */
const ORDER: readonly LineSegment[] = [
  ...["name", "bar", "percent", "bytes", "rate", "state", "files", "attempt"] as const,
];

/**
 * Progress as a line of `columns - 1` cells at most: a line that reaches the last column would go on in the next in some
 * terminals. It is empty where not even the percentage fits.
 */
export function renderProgress(
  state: ProgressState,
  columns: number,
  { glyphs, paint }: ProgressStyle,
): string {
  const name = printable(state.name);
  const percent = percentOf(state);
  const most = {
    name: state.files === undefined ? Math.min(cellsOf(name), NAME.most) : NAME.most,
    bar: BAR.most,
  };
  const widths = new Map<LineSegment, number>();
  const texts = new Map<LineSegment, string>();
  let room = columns - 1 + GAP;
  const take = (place: LineSegment, cells: number): boolean => {
    const more = cells - (widths.get(place) ?? -GAP);
    if (more > room) return false;
    room -= more;
    widths.set(place, cells);
    return true;
  };
  const takeText = (place: LineSegment, variants: readonly string[]): void => {
    for (const text of variants) if (take(place, cellsOf(text))) texts.set(place, text);
  };
  const { rate, state: status, files, attempt, bytes } = textsOf(state);
  takeText("percent", [`${percent}%`, `${percent}%`.padStart(4)]);
  if (name !== "") take("name", Math.min(NAME.least, most.name));
  takeText("state", status.slice(0, 1));
  takeText("attempt", attempt);
  takeText("rate", rate);
  takeText("files", files.slice(0, 1));
  take("bar", BAR.least);
  takeText("bytes", bytes);
  takeText("state", status.slice(1));
  takeText("files", files.slice(1));
  for (const place of ["name", "bar"] as const) {
    const width = widths.get(place);
    if (width !== undefined) take(place, Math.min(most[place], width + Math.max(0, room)));
  }
  texts.set("name", fit(name, widths.get("name") ?? 0, glyphs.ellipsis));
  const width = widths.get("bar") ?? 0;
  const full = Math.floor(percent * width / 100);
  const painted: Readonly<Partial<Record<LineSegment, string>>> = {
    bar: paint("success", glyphs.full.repeat(full)) +
      paint("dim", glyphs.empty.repeat(width - full)),
    attempt: paint("warning", texts.get("attempt") ?? ""),
  };
  return ORDER.filter((place) => widths.has(place)).map((place) => {
    const text = texts.get(place) ?? "";
    const padding = " ".repeat(Math.max(0, (widths.get(place) ?? 0) - cellsOf(text)));
    if (place === "bar") return painted.bar;
    return (painted[place] ?? text) + padding;
  }).join(" ".repeat(GAP)).trimEnd();
}

/** Progress as a line for a log: in full, however long it is. */
export function describeProgress(state: ProgressState): string {
  const { rate, state: status, files, attempt, bytes } = textsOf(state);
  const parts = [bytes, rate, status, files, attempt].map((variants) => variants.at(-1)?.trim());
  const what = state.name === "" ? "" : `${printable(state.name)}: `;
  return `${what}${percentOf(state)}%, ${parts.filter((part) => part).join(", ")}`;
}

type Texts = Readonly<Record<"rate" | "state" | "files" | "attempt" | "bytes", readonly string[]>>;

/** The parts that are words and numbers, each from short to long. */
function textsOf({ phase, done, total, rate, left, files, attempt }: ProgressState): Texts {
  const { words }: PhaseWords = PHASES[phase];
  const flows = words.length === 0;
  return {
    rate: flows && rate !== undefined ? [`${formatBytes(rate)}/s`.padStart(RATE_WIDTH)] : [],
    state: !flows
      ? words
      : left === undefined || left > MAX_LEFT
      ? []
      : [`${formatTime(left)} left`],
    files: files === undefined
      ? []
      : [`${files.done}/${files.total}`, `${files.done}/${files.total} files`],
    attempt: attempt > 1 ? [`attempt ${attempt}`] : [],
    bytes: [formatPart(done, total)],
  };
}

/** `1023 KiB/s` */
const RATE_WIDTH = 10;
/** In seconds: what takes longer is not known. */
const MAX_LEFT = 100 * 24 * 3600;

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** Which unit a number of bytes is written in, and with how many digits behind the point. */
function scaleOf(bytes: number): { factor: number; unit: string; digits: number } {
  let index = 0;
  while (bytes >= 1024 ** (index + 1) && index < UNITS.length - 1) index++;
  const factor = 1024 ** index;
  return {
    factor,
    unit: UNITS[index] as string,
    digits: index > 0 && bytes / factor < 100 ? 1 : 0,
  };
}

/** Rounded down: what is not done is not said to be. */
function scaled(bytes: number, { factor, digits }: ReturnType<typeof scaleOf>): string {
  const step = 10 ** digits;
  return (Math.floor(bytes / factor * step) / step).toFixed(digits);
}

function formatBytes(bytes: number): string {
  const scale = scaleOf(bytes);
  return `${scaled(bytes, scale)} ${scale.unit}`;
}

/** `3.1/19.8 MiB` */
function formatPart(done: number, total: number): string {
  const scale = scaleOf(total);
  const whole = scaled(total, scale);
  return `${scaled(done, scale).padStart(whole.length)}/${whole} ${scale.unit}`;
}

const HOUR = 3600;
const DAY = 24 * HOUR;

/** `1:05`, `2:01:05`, `3 d 4 h` */
function formatTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole >= DAY) return `${Math.floor(whole / DAY)} d ${Math.floor(whole % DAY / HOUR)} h`;
  const digits = (value: number) => `${Math.floor(value)}`.padStart(2, "0");
  const minutes = Math.floor(whole % HOUR / 60);
  return whole >= HOUR
    ? `${Math.floor(whole / HOUR)}:${digits(minutes)}:${digits(whole % 60)}`
    : `${minutes}:${digits(whole % 60)}`;
}
