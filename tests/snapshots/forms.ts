/** The forms of a command's output: terminals, pipes, JSON. */
import { CommandHost } from "../support/command_host.ts";
import { type Finished, startXfer } from "../support/processes.ts";
import { type Row, Screen } from "../support/screen.ts";
import {
  plainEnvironment,
  type Shown,
  Terminal,
  type TerminalOptions,
} from "../support/terminal.ts";
import { TerminalHost } from "../support/terminal_host.ts";
import type { Names } from "./names.ts";

export interface Command {
  readonly args: readonly string[];
  readonly cwd: string;
  /** Run commands that read nothing and end on their own. */
  readonly hosts: Hosts;
  /** Answers typed on a terminal, each after its question. */
  readonly answers?: readonly Answer[];
  /** For a command that runs until it is stopped: the output at which it is stopped. */
  readonly stopAt?: RegExp;
}

/** Processes for the commands of one form. */
export class Hosts implements AsyncDisposable {
  readonly piped = new CommandHost(plainEnvironment());
  #terminal: TerminalHost | undefined;

  /** A terminal. The options are those of the first call. */
  terminal(options: TerminalOptions): TerminalHost {
    return this.#terminal ??= new TerminalHost(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.piped[Symbol.asyncDispose]();
    await this.#terminal?.[Symbol.asyncDispose]();
  }
}

export interface Answer {
  /** The end of the question. */
  readonly to: RegExp;
  readonly keys: string;
}

/** The output of a command, with names in it. */
export interface Printed {
  readonly code: number;
  /** The lines on the page. */
  readonly shown: readonly string[];
  /** All lines for people, on either stream. */
  readonly words: readonly string[];
  /** All output, without names. */
  readonly raw: string;
}

export interface Form {
  readonly title: string;
  readonly run: (command: Command, names: Names) => Promise<Printed>;
}

function onTerminal(columns: number, env: Record<string, string> = {}): Form["run"] {
  return async (command, names) => {
    const { args, cwd, hosts, answers, stopAt } = command;
    const { code, written: raw } = answers === undefined && stopAt === undefined
      ? await hosts.terminal({ columns, env }).run(args, cwd)
      : await inOwnTerminal(command, { columns, env });
    const rows = await rowsOf(names.in(raw), columns);
    return { code, raw, shown: rows.map(toLine), words: rows.map(({ text }) => text) };
  };
}

/** Types answers, and Ctrl-C after this output. */
async function inOwnTerminal(
  { args, cwd, answers = [], stopAt }: Command,
  options: TerminalOptions,
): Promise<Shown> {
  await using terminal = await Terminal.xfer(args, { ...options, cwd });
  for (const { to, keys } of answers) {
    await terminal.shows(to);
    await terminal.type(keys);
  }
  if (stopAt !== undefined) {
    await terminal.shows(stopAt);
    await terminal.type("\x03");
  }
  return await terminal.end();
}

/** The screen at the end. */
async function rowsOf(written: string, columns: number): Promise<Row[]> {
  using screen = new Screen(columns, 24);
  await screen.write(written);
  return screen.rows;
}

function toLine({ text, isWrapped }: Row): string {
  return `${isWrapped ? "┊" : "│"} ${text}`.trimEnd();
}

/** Without a terminal. Progress, which depends on timing, is omitted. */
function piped(
  options: readonly string[],
  show: (printed: Streams) => readonly string[],
): Form["run"] {
  return async ({ args, cwd, hosts, stopAt }, names) => {
    const all = [...args, ...options, "--no-progress"];
    const { code, stdout, stderr } = stopAt === undefined
      ? await hosts.piped.run(all, cwd)
      : await stopped(all, cwd, stopAt);
    const printed = { stdout: lines(names.in(stdout)), stderr: lines(names.in(stderr)) };
    const words = options.includes("--json") ? [] : printed.stdout;
    return {
      ...{ code, raw: stdout + stderr, shown: show(printed) },
      words: [...words, ...printed.stderr],
    };
  };
}

/** Runs a command in its own process, and sends Ctrl-C after this output. */
async function stopped(args: readonly string[], cwd: string, stopAt: RegExp): Promise<Finished> {
  await using process = startXfer(args, cwd, PLAIN);
  await process.printed(stopAt);
  process.kill("SIGINT");
  return await process.end();
}

const PLAIN = { clearEnv: true, env: plainEnvironment() };

interface Streams {
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

const apart = ({ stdout, stderr }: Streams) => [
  ...stderr.map((line) => `err│ ${line}`.trimEnd()),
  ...stdout.map((line) => `out│ ${line}`.trimEnd()),
];

const events = ({ stdout }: Streams) => stdout.map((line) => `│ ${line}`);

/** The lines of a text. */
function lines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

export const FORMS = {
  terminal: { title: "terminal", run: onTerminal(80) },
  narrow: { title: "terminal, 40 columns, NO_COLOR", run: onTerminal(40, { NO_COLOR: "1" }) },
  piped: { title: "piped", run: piped([], apart) },
  json: { title: "--json", run: piped(["--json"], events) },
} as const satisfies Record<string, Form>;

export type FormName = keyof typeof FORMS;
