/**
 * Draws progress as one line that always fits: the most important parts, as far as there is room.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { humanSize, scaled, scaleOf } from "../text/size.ts";
import { cellsOf, fit } from "../text/width.ts";

/** The phase of a transfer. */
export type ProgressPhase = keyof typeof PHASES;

interface PhaseWords {
  /** Words for the phase, from short to long. Empty while bytes flow: the line shows rate and time instead. */
  readonly words: readonly string[];
  /** Whether everything is confirmed. Only then the line shows 100 %. */
  readonly isDone?: boolean;
}

export const PHASES = {
  "comparing": { words: ["comparing", "comparing files"] },
  "sending": { words: [] },
  "approval": { words: ["waiting", "waiting for confirmation"] },
  "stored": { words: ["uploaded"], isDone: true },
  "getting": { words: [] },
  "saving": { words: ["saving"] },
  "written": { words: ["downloaded"], isDone: true },
  "retrying": { words: ["interrupted", "interrupted, retrying"] },
} as const satisfies Readonly<Record<string, PhaseWords>>;

export interface ProgressState {
  readonly phase: ProgressPhase;
  /** The current file, unescaped; empty if none. */
  readonly name: string;
  /** Bytes. The total is `undefined` if it is not known. */
  readonly done: number;
  readonly total: number | undefined;
  /** Bytes per second, if known. */
  readonly rate?: number | undefined;
  /** Seconds, if known. */
  readonly left?: number | undefined;
  /** The attempt for the current file, from 1. */
  readonly attempt: number;
  /** If there is more than one. */
  readonly files?: { readonly done: number; readonly total: number } | undefined;
}

/** Characters of the bar. */
export interface Glyphs {
  readonly full: string;
  readonly empty: string;
  readonly ellipsis: string;
}

export const UNICODE: Glyphs = { full: "━", empty: "─", ellipsis: "…" };
export const ASCII: Glyphs = { full: "#", empty: "-", ellipsis: "..." };

export interface ProgressStyle {
  readonly glyphs: Glyphs;
  /** Adds a style, which takes no cells. */
  readonly paint: (style: "success" | "warning" | "dim", text: string) => string;
}

/** Cells between two parts. */
const GAP = 2;
/** Widths in cells. With less room than `least`, the part is omitted. */
const NAME = { least: 10, most: 40 };
const BAR = { least: 8, most: 30 };

/** Percent of all bytes, if their number is known; 100 only after everything is confirmed. */
export function percentOf({ phase, done, total }: ProgressState): number | undefined {
  if ((PHASES[phase] as PhaseWords).isDone === true) return 100;
  if (total === undefined) return undefined;
  return total === 0 ? 0 : Math.min(99, Math.floor(done * 100 / total));
}

/** A part of the line. */
type LineSegment = "name" | "bar" | "percent" | "bytes" | "rate" | "state" | "files" | "attempt";

/** The parts, from left to right. */
const ORDER: readonly LineSegment[] = [
  ...["name", "bar", "percent", "bytes", "rate", "state", "files", "attempt"] as const,
];

/**
 * Progress as a line of at most `columns - 1` cells, because some terminals wrap a line that reaches the last column. Empty
 * if not even the percentage fits.
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
  if (percent !== undefined) takeText("percent", [`${percent}%`, `${percent}%`.padStart(4)]);
  if (name !== "") take("name", Math.min(NAME.least, most.name));
  takeText("state", status.slice(0, 1));
  takeText("attempt", attempt);
  takeText("rate", rate);
  takeText("files", files.slice(0, 1));
  if (percent !== undefined) take("bar", BAR.least);
  takeText("bytes", bytes);
  takeText("state", status.slice(1));
  takeText("files", files.slice(1));
  for (const place of ["name", "bar"] as const) {
    const width = widths.get(place);
    if (width !== undefined) take(place, Math.min(most[place], width + Math.max(0, room)));
  }
  texts.set("name", fit(name, widths.get("name") ?? 0, glyphs.ellipsis));
  const width = widths.get("bar") ?? 0;
  const full = Math.floor((percent ?? 0) * width / 100);
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

/** Progress as a line for a log, in full. */
export function describeProgress(state: ProgressState): string {
  const { rate, state: status, files, attempt, bytes } = textsOf(state);
  const percent = percentOf(state);
  const parts = [
    percent === undefined ? "" : `${percent}%`,
    ...[bytes, rate, status, files, attempt].map((variants) => variants.at(-1)?.trim()),
  ];
  const what = state.name === "" ? "" : `${printable(state.name)}: `;
  return `${what}${parts.filter((part) => part).join(", ")}`;
}

type Texts = Readonly<Record<"rate" | "state" | "files" | "attempt" | "bytes", readonly string[]>>;

/** The texts of the parts of a line. Each has variants from short to long. */
function textsOf({ phase, done, total, rate, left, files, attempt }: ProgressState): Texts {
  const { words }: PhaseWords = PHASES[phase];
  const flows = words.length === 0;
  return {
    rate: flows && rate !== undefined ? [`${humanSize(rate)}/s`.padStart(RATE_WIDTH)] : [],
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

/** `1023 KiB` */
const SIZE_WIDTH = 8;
/** `1023 KiB/s` */
const RATE_WIDTH = 10;
/** Seconds; longer estimates are not shown. */
const MAX_LEFT = 100 * 24 * 3600;

/** `3.1/19.8 MiB` */
function formatPart(done: number, total: number | undefined): string {
  if (total === undefined) return humanSize(done).padStart(SIZE_WIDTH);
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
