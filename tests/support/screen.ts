/** The screen of a terminal: a real emulator without a window. */
import unicode11 from "@xterm/addon-unicode11";
import xterm from "@xterm/headless";

/** One row of the screen. */
export interface Row {
  /** The text of the row, with its styles as marks: `⟨red⟩xfer:⟨/⟩`. */
  readonly text: string;
  /** Whether the row continues a line that was longer than the row above. */
  readonly isWrapped: boolean;
}

/** The first colors of the palette: ECMA-48. */
const COLORS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** The table of character widths: Unicode 6, as in old terminals, or Unicode 11. */
export type Widths = "6" | "11";

export class Screen implements Disposable {
  readonly #terminal: xterm.Terminal;

  constructor(columns: number, rows: number, widths: Widths = "11") {
    this.#terminal = new xterm.Terminal({
      ...{ cols: columns, rows, scrollback: 10_000, allowProposedApi: true },
    });
    this.#terminal.loadAddon(new unicode11.Unicode11Addon());
    this.#terminal.unicode.activeVersion = widths;
  }

  /** Writes text. Resolves when it is shown. */
  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** All lines from the first to the last that is not empty, including those that have scrolled away. */
  get lines(): string[] {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, row) => active.getLine(row)?.translateToString(true) ?? "",
    );
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  /** The same with colors and other styles. */
  get rows(): Row[] {
    const { active } = this.#terminal.buffer;
    return this.lines.map((text, row) => {
      const line = active.getLine(row);
      return {
        text: line === undefined ? text : marked(line),
        isWrapped: line?.isWrapped === true,
      };
    });
  }

  /** The position of the cursor, counted from 0 in the first line. */
  get cursor(): { readonly row: number; readonly column: number } {
    const { baseY, cursorY, cursorX } = this.#terminal.buffer.active;
    return { row: baseY + cursorY, column: cursorX };
  }

  [Symbol.dispose](): void {
    this.#terminal.dispose();
  }
}

/** A line of the buffer, with its styles as marks. */
function marked(line: xterm.IBufferLine): string {
  let [text, style] = ["", ""];
  for (let column = 0; column < line.length; column++) {
    const cell = line.getCell(column);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const characters = cell.getChars();
    const now = characters === "" ? "" : styleOf(cell);
    if (now !== style) text += (style === "" ? "" : "⟨/⟩") + (now === "" ? "" : `⟨${now}⟩`);
    style = now;
    text += characters === "" ? " " : characters;
  }
  return (style === "" ? text : `${text}⟨/⟩`).trimEnd();
}

function styleOf(cell: xterm.IBufferCell): string {
  const styles = {
    bold: cell.isBold(),
    dim: cell.isDim(),
    italic: cell.isItalic(),
    underlined: cell.isUnderline(),
    inverse: cell.isInverse(),
  };
  return [
    ...Object.entries(styles).filter(([, is]) => is !== 0).map(([name]) => name),
    ...cell.isFgDefault() ? [] : [color(cell.getFgColor())],
    ...cell.isBgDefault() ? [] : [`on ${color(cell.getBgColor())}`],
  ].join(" ");
}

function color(code: number): string {
  return COLORS[code] ?? `color ${code}`;
}

/** The final screen for a text. */
export async function shownOf(text: string, columns = 80, rows = 24): Promise<string[]> {
  using screen = new Screen(columns, rows);
  await screen.write(text);
  return screen.lines;
}
