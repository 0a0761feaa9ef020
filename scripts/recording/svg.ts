/**
 * A film as one SVG file, animated with CSS only. The changes of one moment are a group that becomes visible and covers
 * the previous content. Without animation (no CSS, or reduced motion) all groups are visible, which shows the last
 * picture.
 */
import { type Cell, type Change, isAlike, type PaneSize } from "./film.ts";

export interface Film {
  readonly title: string;
  readonly panes: readonly PaneSize[];
  readonly changes: readonly Change[];
  /** The length of one repetition, in milliseconds. */
  readonly length: number;
}

/** In pixels. */
const CELL = { width: 8.43, height: 19 };
const BASELINE = 14;
const PADDING = 14;
const TITLE_HEIGHT = 30;
/** A box that covers a cursor is slightly larger, so that its edges don't show. */
const CURSOR_INSET = 1;

/** The terminal is dark on light and dark pages. */
const GROUND = "#161b22";
const FOREGROUND = "#d5dbe3";
/** The 8 colors of ECMA-48, readable on that background, and their bright variants. */
const PALETTE = [
  ...["#6e7681", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#d5dbe3"],
  ...["#8b949e", "#ffa198", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#76e3ea", "#ffffff"],
];

export function toSvg({ title, panes, changes, length }: Film): string {
  const width = Math.max(...panes.map(({ columns }) => columns)) * CELL.width + 2 * PADDING;
  const tops = panes.map((_, i) => panes.slice(0, i).reduce((y, pane) => y + heightOf(pane), 0));
  const height = panes.reduce((y, pane) => y + heightOf(pane), 0);
  const times = [...new Set(changes.map(({ at }) => at))].sort((a, b) => a - b);
  const frames = times.map((at) => changes.filter((change) => change.at === at));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${height}" ` +
    `width="${
      round(width)
    }" height="${height}" role="img" aria-labelledby="title" xml:space="preserve">`,
    `<title id="title">${escape(title)}</title>`,
    `<style>${styleOf(times, length)}</style>`,
    `<rect class="ground" width="100%" height="100%" rx="8"/>`,
    ...panes.map(({ title }, i) => headOf(title, tops[i] ?? 0)),
    ...frames.map((frame, i) =>
      `<g style="animation-name:f${i}">` +
      frame.map((change) => drawn(change, tops[change.pane] ?? 0)).join("") + `</g>`
    ),
    "</svg>\n",
  ].join("\n");
}

function heightOf({ rows }: PaneSize): number {
  return TITLE_HEIGHT + rows * CELL.height + PADDING;
}

function styleOf(times: readonly number[], length: number): string {
  const keyframes = times.map((at, i) =>
    `@keyframes f${i}{0%{visibility:hidden}${round(at * 100 / length)}%{visibility:visible}}`
  );
  const colors = PALETTE.map((color, i) => `.c${i}{fill:${color}}`);
  return [
    `text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;` +
    `fill:${FOREGROUND};white-space:pre}`,
    `.ground{fill:${GROUND}}.cursor{fill:#8b949e}.head{fill:#8b949e}.bold{font-weight:bold}.dim{opacity:.6}`,
    ...colors,
    `g[style]{animation:${round(length / 1000)}s step-end infinite}`,
    ...keyframes,
    `@media(prefers-reduced-motion:reduce){g[style]{animation:none!important}}`,
  ].join("\n");
}

function headOf(title: string, top: number): string {
  const rule = top === 0
    ? ""
    : `<rect class="cursor" y="${top}" width="100%" height="1" opacity=".4"/>`;
  return `${rule}<text class="head" x="${PADDING}" y="${top + 20}">${escape(title)}</text>`;
}

function drawn({ row, column, cells, covers }: Change, top: number): string {
  const y = top + TITLE_HEIGHT + row * CELL.height;
  const pieces = covers ? [box("ground", column, y, widthOf(cells))] : [];
  let at = column;
  for (const run of runsOf(cells)) {
    const [first] = run as [Cell];
    if (first.cursor) pieces.push(box("cursor", at, y, 1, CURSOR_INSET));
    pieces.push(textOf(run, at, y));
    at += widthOf(run);
  }
  return pieces.join("");
}

/** Adjacent cells with the same style. */
function runsOf(cells: readonly Cell[]): Cell[][] {
  const runs: Cell[][] = [];
  for (const cell of cells) {
    const run = runs.at(-1);
    if (run?.[0] !== undefined && isAlike(run[0], cell)) run.push(cell);
    else runs.push([cell]);
  }
  return runs;
}

function textOf(run: readonly Cell[], column: number, y: number): string {
  const all = run.filter(({ width }) => width > 0).map(({ text }) => text).join("");
  const [before, after] = [all.length - all.trimStart().length, all.length - all.trimEnd().length];
  const text = all.trim();
  if (text === "") return "";
  const [{ color, bold, dim }] = run as [Cell];
  const classes = [
    ...color === undefined ? [] : [`c${color % PALETTE.length}`],
    ...bold ? ["bold"] : [],
    ...dim ? ["dim"] : [],
  ];
  const look = classes.length === 0 ? "" : ` class="${classes.join(" ")}"`;
  // Fonts differ in width, so each text gets its exact length.
  const places = widthOf(run) - before - after;
  const length = places === 1 ? "" : ` textLength="${round(places * CELL.width)}"`;
  return `<text${look} x="${x(column + before)}" y="${y + BASELINE}"${length}>${
    escape(text)
  }</text>`;
}

function box(look: string, column: number, y: number, places: number, inset = 0): string {
  const width = round(places * CELL.width - 2 * inset);
  const height = CELL.height - 2 * inset;
  return `<rect class="${look}" x="${round(x(column) + inset)}" y="${y + inset}" ` +
    `width="${width}" height="${height}"/>`;
}

function widthOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, { width }) => sum + width, 0);
}

function x(column: number): number {
  return round(PADDING + column * CELL.width);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Removes control characters, which XML cannot contain. */
function escape(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "")
    .replaceAll(/[&<>]/g, (sign) => ESCAPES[sign] ?? "");
}
