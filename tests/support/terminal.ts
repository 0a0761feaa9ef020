/** Commands in a real pseudo-terminal, by util-linux's script(1), and its screen. */
import { utf8 } from "./bytes.ts";
import { invocation } from "./processes.ts";
import { killMarked } from "./marked_processes.ts";
import { Screen } from "./screen.ts";
import { TemporaryFolder } from "./temporary_folder.ts";
import { tied, tiedCommand } from "./tied_processes.ts";
import { hasTool, runTool } from "./tools.ts";

/**
 * Whether this machine has the needed script(1). Elsewhere it is another program. Without it, such tests are ignored.
 */
export const HAS_TERMINAL: boolean = Deno.build.os === "linux" &&
  ["script", "stty", "tty"].every(hasTool) && isUtilLinux();

/** Marks the processes of each terminal. */
const TERMINAL_VARIABLE = "XFER_TEST_TERMINAL";

export interface TerminalOptions {
  readonly cwd?: string;
  readonly columns?: number;
  readonly rows?: number;
  /** In addition to `TERM`, `LANG`, and the variables that programs need. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives the output as it arrives. */
  readonly onWritten?: (text: string) => void;
}

export interface Shown {
  readonly code: number;
  /** All output, unchanged. */
  readonly written: string;
  /** The final screen, including lines that have scrolled away. */
  readonly lines: readonly string[];
}

/** A command in a terminal. It is killed with the scope that holds it, with all of its children. */
export class Terminal implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #folder: TemporaryFolder;
  readonly #mark: string;
  readonly #screen: Screen;
  readonly #reading: Promise<void>;
  readonly #onWritten: (text: string) => void;
  #written = "";
  #news = Promise.withResolvers<void>();
  #hasEnded = false;

  private constructor(
    process: Deno.ChildProcess,
    folder: TemporaryFolder,
    mark: string,
    screen: Screen,
    onWritten: (text: string) => void,
  ) {
    this.#onWritten = onWritten;
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#folder = folder;
    this.#mark = mark;
    this.#screen = screen;
    this.#reading = this.#read();
  }

  static async start(
    command: readonly string[],
    { cwd, columns = 80, rows = 24, env = {}, onWritten = () => undefined }: TerminalOptions = {},
  ): Promise<Terminal> {
    const folder = await TemporaryFolder.createOnDisk();
    const name = quote(folder.join("tty"));
    // The terminal has its size, and its name is known, before the command starts.
    const line = `stty cols ${columns} rows ${rows} && tty > ${name}.new && ` +
      `mv ${name}.new ${name} && exec ${tied(command).map(quote).join(" ")}`;
    const mark = crypto.randomUUID();
    const process = tiedCommand("script", {
      args: ["--quiet", "--return", "--flush", "--command", line, "/dev/null"],
      ...{ stdin: "piped", stdout: "piped", stderr: "inherit", clearEnv: true },
      env: {
        ...{ ...plainEnvironment(), SHELL: "/bin/sh", TERM: "xterm-256color" },
        ...{ [TERMINAL_VARIABLE]: mark, ...env },
      },
      ...cwd === undefined ? {} : { cwd },
    }).spawn();
    return new Terminal(process, folder, mark, new Screen(columns, rows), onWritten);
  }

  /** The executable under test, in a terminal. */
  static xfer(args: readonly string[], options: TerminalOptions = {}): Promise<Terminal> {
    const { executable, args: all } = invocation(args);
    return Terminal.start([executable, ...all], options);
  }

  /** The output so far, unchanged. */
  get written(): string {
    return this.#written;
  }

  /** The lines shown so far. */
  get lines(): string[] {
    return this.#screen.lines;
  }

  /** Resolves when a shown text matches. Throws if the command ends before. */
  shows(what: RegExp): Promise<void> {
    return this.until(() => what.test(this.lines.join("\n")));
  }

  /** Resolves when the condition holds, which is checked after each output. Throws if the command ends before. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#hasEnded) throw new Error(`The command ended and shows:\n${this.lines.join("\n")}`);
      await this.#news.promise;
    }
  }

  /** Types keys; `\x03` is Ctrl-C. */
  type(keys: string): Promise<void> {
    return this.#input.write(utf8(keys));
  }

  /** Changes the size. The command gets SIGWINCH. */
  async resize(columns: number, rows: number): Promise<void> {
    const tty = (await Deno.readTextFile(this.#folder.join("tty"))).trim();
    this.#screen.resize(columns, rows);
    const { code, stderr } = await runTool(
      "stty",
      ["-F", tty, "cols", `${columns}`, "rows", `${rows}`],
    );
    if (code !== 0) throw new Error(stderr);
  }

  /** Waits for the end. The exit code is 128 or more after a signal. */
  async end(): Promise<Shown> {
    const [{ code }] = await Promise.all([this.#process.status, this.#reading]);
    return { code, written: this.#written, lines: this.lines };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Without a terminal they get SIGHUP, which does not end a server.
    await killMarked({ name: TERMINAL_VARIABLE, value: this.#mark });
    await Promise.all([this.#process.status, this.#reading]);
    await this.#input.abort().catch(() => undefined);
    this.#screen[Symbol.dispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#written += text;
      this.#onWritten(text);
      await this.#screen.write(text);
      this.#tell();
    }
    this.#hasEnded = true;
    this.#tell();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** Runs xfer in a terminal to its end. */
export async function showXfer(
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<Shown> {
  await using terminal = await Terminal.xfer(args, options);
  return await terminal.end();
}

/** Quotes a word for a POSIX shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Variables to find programs, and a language. Nothing else that changes their output. */
export function plainEnvironment(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR"];
  const found = names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(found), LANG: "C.UTF-8", TZ: "UTC" };
}

function isUtilLinux(): boolean {
  const { stdout } = new Deno.Command("script", { args: ["--version"], stderr: "null" })
    .outputSync();
  return new TextDecoder().decode(stdout).includes("util-linux");
}
