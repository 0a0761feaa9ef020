/**
 * Shells in real pseudo-terminals, in which a session is played, and their output with times.
 *
 * Times are adapted to the reader: keys are typed at full speed but shown at a readable pace, long waits are cut, and
 * pauses are inserted.
 */
import { Terminal } from "../../tests/support/terminal.ts";
import type { Output, PaneSize } from "./film.ts";

/** The time between two keys, in milliseconds, of a fast typist. */
const KEY_MS = 45;
/** The pause before a command is typed, and before Enter, in milliseconds. */
const BREATH_MS = 400;
/** The longest shown wait without output, in milliseconds. */
const MAX_WAIT_MS = 800;
/** The longest wait for expected output, in milliseconds. */
const PATIENCE_MS = 60_000;

/** The prompt. The shell prints the exit code of the last command before it, unless it is 0. */
const PROMPT = "${?#0}\x1b[32m$\x1b[39m ";
/** Matches if the last line is only the prompt, which means that the last command has ended. */
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

  /** The time so far, in milliseconds for the reader. */
  get elapsed(): number {
    const now = performance.now();
    this.#at += Math.min(now - this.#mark, MAX_WAIT_MS);
    this.#mark = now;
    return this.#at;
  }

  /** Opens another terminal. */
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

  /** Inserts a pause for the reader. */
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

  /** Types a line and Enter. */
  async type(line: string): Promise<void> {
    this.#stage.pause(BREATH_MS);
    for (const key of line) {
      await this.#press(key);
      this.#stage.pause(KEY_MS);
    }
    await this.#enter();
  }

  /** Pastes a line at once, and types Enter. */
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

  /** Waits until the raw output matches. There, lines are not wrapped by a narrow terminal. */
  wrote(what: RegExp): Promise<void> {
    return this.#until(() => what.test(this.written));
  }

  /** Waits for the end of the last command. Throws if it failed. */
  async isAtPrompt(): Promise<void> {
    await this.#until(() => AT_PROMPT.test(this.#shown));
    const [, code] = AT_PROMPT.exec(this.#shown) ?? [];
    if (code !== "") throw new Error(`The command ended with exit code ${code}:\n${this.#shown}`);
  }

  /** The raw output so far. */
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

  /** Shows typed keys before any other output. */
  async #press(keys: string): Promise<void> {
    const { length } = this.written;
    await this.#terminal.type(keys);
    await this.#until(() => this.written.length > length);
  }

  /** Throws if the condition is not met in time. */
  async #until(isSo: () => boolean): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`After ${PATIENCE_MS / 1000} s the terminal shows:\n${this.#shown}`));
    }, PATIENCE_MS);
    try {
      await Promise.race([this.#terminal.until(isSo), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
