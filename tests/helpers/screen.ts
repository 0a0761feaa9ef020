/** What a terminal shows of what is written to it: a real emulator without a window. */
import unicode11 from "@xterm/addon-unicode11";
import xterm from "@xterm/headless";

/** Which widths of characters a terminal knows: those of Unicode 6, as old ones do, or of Unicode 11. */
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

  /** Resolves when it is shown. */
  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** All lines from the first to the last that is not empty, those that have scrolled away too. */
  get lines(): string[] {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, row) => active.getLine(row)?.translateToString(true) ?? "",
    );
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  /** Where the cursor is, counted from 0 in the first line that there ever was. */
  get cursor(): { readonly row: number; readonly column: number } {
    const { baseY, cursorY, cursorX } = this.#terminal.buffer.active;
    return { row: baseY + cursorY, column: cursorX };
  }

  [Symbol.dispose](): void {
    this.#terminal.dispose();
  }
}

/** What is shown of a text in the end. */
export async function shownOf(text: string, columns = 80, rows = 24): Promise<string[]> {
  using screen = new Screen(columns, rows);
  await screen.write(text);
  return screen.lines;
}
