/**
 * What terminals show, from one moment to the next: what was written goes through a real emulator, and what has changed
 * on its screen is kept.
 */
import xterm from "@xterm/headless";

export interface PaneSize {
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
}

/** Something that one of the terminals wrote, at a time in milliseconds. */
export interface Output {
  readonly pane: number;
  readonly at: number;
  readonly text: string;
}

/** What a place on the screen shows. */
export interface Cell {
  readonly text: string;
  /** How many places it takes; none behind a wide character. */
  readonly width: number;
  /** Of the palette; without, the colour that text has. */
  readonly color: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly cursor: boolean;
}

/** Places in a row that show something else from a time on. */
export interface Change {
  readonly at: number;
  readonly pane: number;
  readonly row: number;
  readonly column: number;
  readonly cells: readonly Cell[];
  /** Whether something stood there that is to be covered. */
  readonly covers: boolean;
}

/** What is written within so many milliseconds is seen at once. */
const MOMENT_MS = 25;

const BLANK: Cell = {
  ...{ text: " ", width: 1, color: undefined, bold: false, dim: false, cursor: false },
};

/** All changes in the order of their times. */
export async function develop(
  panes: readonly PaneSize[],
  outputs: readonly Output[],
): Promise<Change[]> {
  const changes = await Promise.all(panes.map(async (size, pane) => {
    const changes: Change[] = [];
    const screen = new PaneScreen(size);
    for (const { at, text } of moments(outputs.filter((output) => output.pane === pane))) {
      await screen.write(text);
      for (const change of screen.changes()) changes.push({ at, pane, ...change });
    }
    return changes;
  }));
  return changes.flat().sort((a, b) => a.at - b.at);
}

/** Outputs that follow each other at once, as one. */
function moments(outputs: readonly Output[]): Pick<Output, "at" | "text">[] {
  const merged: { at: number; text: string }[] = [];
  for (const { at, text } of outputs) {
    const last = merged.at(-1);
    if (last !== undefined && at - last.at < MOMENT_MS) last.text += text;
    else merged.push({ at, text });
  }
  return merged;
}

class PaneScreen {
  readonly #terminal: xterm.Terminal;
  #shown: Cell[][];

  constructor({ columns, rows }: PaneSize) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#shown = Array.from({ length: rows }, () => Array<Cell>(columns).fill(BLANK));
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  /** What has changed since it was asked for last. */
  changes(): Omit<Change, "at" | "pane">[] {
    const before = this.#shown;
    this.#shown = this.#look();
    return this.#shown.flatMap((cells, row) => {
      const old = before[row] ?? [];
      const differs = cells.map((cell, i) => !isSame(cell, old[i] ?? BLANK));
      const [from, to] = [differs.indexOf(true), differs.lastIndexOf(true) + 1];
      if (from < 0) return [];
      const covers = old.slice(from, to).some((cell) => !isSame(cell, BLANK));
      return [{ row, column: from, cells: cells.slice(from, to), covers }];
    });
  }

  #look(): Cell[][] {
    const { active } = this.#terminal.buffer;
    const { cols, rows } = this.#terminal;
    return Array.from({ length: rows }, (_, row) => {
      const line = active.getLine(active.viewportY + row);
      return Array.from({ length: cols }, (_, column) => {
        const cell = line?.getCell(column);
        const cursor = row === active.cursorY && column === active.cursorX;
        if (cell === undefined) return { ...BLANK, cursor };
        return {
          ...{ text: cell.getChars() || " ", width: cell.getWidth(), cursor },
          color: cell.isFgPalette() ? cell.getFgColor() : undefined,
          ...{ bold: cell.isBold() !== 0, dim: cell.isDim() !== 0 },
        };
      });
    });
  }
}

function isSame(a: Cell, b: Cell): boolean {
  if (a.text.trim() === "" && b.text.trim() === "") return a.cursor === b.cursor;
  return a.text === b.text && a.width === b.width && isAlike(a, b);
}

/** Whether two cells can stand in one piece of text. */
export function isAlike(a: Cell, b: Cell): boolean {
  return a.color === b.color && a.bold === b.bold && a.dim === b.dim && a.cursor === b.cursor;
}
