/**
 * The screens of terminals over time: the output goes through a real emulator, and each change of its screen is kept.
 */
import xterm from "@xterm/headless";

export interface PaneSize {
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
}

/** Output of one of the terminals, with its time in milliseconds. */
export interface Output {
  readonly pane: number;
  readonly at: number;
  readonly text: string;
}

/** The content of one cell of the screen. */
export interface Cell {
  readonly text: string;
  /** The number of cells it takes; 0 for the cell after a wide character. */
  readonly width: number;
  /** A color of the palette; undefined for the default color. */
  readonly color: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly cursor: boolean;
}

/** Adjacent cells whose content changes at a time. */
export interface Change {
  readonly at: number;
  readonly pane: number;
  readonly row: number;
  readonly column: number;
  readonly cells: readonly Cell[];
  /** Whether previous content must be covered. */
  readonly covers: boolean;
}

/** Outputs within this time are shown together, in milliseconds. */
const MOMENT_MS = 25;

const BLANK: Cell = {
  ...{ text: " ", width: 1, color: undefined, bold: false, dim: false, cursor: false },
};

/** All changes, sorted by time. */
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

/** Merges outputs that follow each other immediately. */
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

  /** The changes since the previous call. */
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

/** Whether two cells can be in one piece of text. */
export function isAlike(a: Cell, b: Cell): boolean {
  return a.color === b.color && a.bold === b.bold && a.dim === b.dim && a.cursor === b.cursor;
}
