/**
 * Shells in real pseudo-terminals, in which a session is played, and what they write with times.
 *
 * Time is the reader's: keys are typed as fast as the terminal takes them and shown at a pace that can be followed, long
 * waits are cut, pauses are made of nothing.
 */
import { Terminal } from "../../tests/support/terminal.ts";
import type { Output, PaneSize } from "./film.ts";

/** Between two keys, in milliseconds: as fast as a quick typist. */
const KEY_MS = 45;
/** Before a command is typed, and before it is sent off. */
const BREATH_MS = 400;
/** Of a wait in which nothing is written no more is shown. */
const MAX_WAIT_MS = 800;
/** What does not come in so many milliseconds never comes. */
const PATIENCE_MS = 60_000;

/** The shell puts the exit code of the last command before it, where that is not 0. */
const PROMPT = "${?#0}\x1b[32m$\x1b[39m ";
/** The last line that is shown is the prompt and nothing more: what was typed last has ended. */
const AT_PROMPT = /(?:^|\n)(\d*)\$ ?$/;

export interface PaneOptions extends PaneSize {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export class Stage implements AsyncDisposable {
  readonly outputs: Output[] = [];
  readonly panes: Pane[] = [];
  #at = 0;
  #mark = performance.now();

  /** How long it has taken so far, in milliseconds of the reader. */
  get elapsed(): number {
    const now = performance.now();
    this.#at += Math.min(now - this.#mark, MAX_WAIT_MS);
    this.#mark = now;
    return this.#at;
  }

  /** Opens a further terminal. */
  async open(options: PaneOptions): Promise<Pane> {
    const pane = this.panes.length;
    const terminal = await Terminal.start(["sh", "-i"], {
      ...options,
      env: { ...options.env, PS1: PROMPT },
      onWritten: (text) => this.outputs.push({ pane, at: this.elapsed, text }),
    });
    const opened = new Pane(this, terminal, options);
    this.panes.push(opened);
    await opened.isAtPrompt();
    return opened;
  }

  /** Lets the reader look. */
  pause(ms: number): void {
    this.#at = this.elapsed + ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pane of this.panes) await pane[Symbol.asyncDispose]();
  }
}

export class Pane implements AsyncDisposable {
  readonly #terminal: Terminal;
  readonly size: PaneSize;
  readonly #stage: Stage;

  constructor(stage: Stage, terminal: Terminal, { title, columns, rows }: PaneOptions) {
    this.#stage = stage;
    this.#terminal = terminal;
    this.size = { title, columns, rows };
  }

  /** Types a line and sends it off. */
  async type(line: string): Promise<void> {
    this.#stage.pause(BREATH_MS);
    for (const key of line) {
      await this.#press(key);
      this.#stage.pause(KEY_MS);
    }
    await this.#enter();
  }

  /** The same with a line from the clipboard, all at once. */
  async paste(line: string): Promise<void> {
    this.#stage.pause(BREATH_MS);
    await this.#press(line);
    await this.#enter();
  }

  /** Types a command and waits for its end. */
  async run(line: string): Promise<void> {
    await this.type(line);
    await this.isAtPrompt();
  }

  /** Waits until what was written, as it was, matches: lines that a narrow terminal breaks are whole there. */
  wrote(what: RegExp): Promise<void> {
    return this.#until(() => what.test(this.written));
  }

  /** Waits for the end of what was typed last. Throws where it has failed. */
  async isAtPrompt(): Promise<void> {
    await this.#until(() => AT_PROMPT.test(this.#shown));
    const [, code] = AT_PROMPT.exec(this.#shown) ?? [];
    if (code !== "") throw new Error(`It ended with exit code ${code}:\n${this.#shown}`);
  }

  /** All that was written so far, as it was. */
  get written(): string {
    return this.#terminal.written;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#terminal[Symbol.asyncDispose]();
  }

  get #shown(): string {
    return this.#terminal.lines.join("\n");
  }

  async #enter(): Promise<void> {
    this.#stage.pause(BREATH_MS);
    await this.#press("\n");
  }

  /** What is typed is shown before anything else is. */
  async #press(keys: string): Promise<void> {
    const { length } = this.written;
    await this.#terminal.type(keys);
    await this.#until(() => this.written.length > length);
  }

  /** Throws where it is not so in time. */
  async #until(isSo: () => boolean): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`After ${PATIENCE_MS / 1000} s it shows:\n${this.#shown}`));
    }, PATIENCE_MS);
    try {
      await Promise.race([this.#terminal.until(isSo), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
