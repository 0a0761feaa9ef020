/** Real processes of the executable under test: `XFER_BIN`, or `main.ts` with this Deno and the same permissions. */
import { resolve } from "node:path";
import { RUNTIME_FLAGS } from "../../scripts/release/runtime_flags.ts";
import { lines } from "./lines.ts";
import { pathOfProgram } from "./programs.ts";
import { seedDataFolder } from "./store/seeded_folder.ts";
import { tied, tiedCommand } from "./tied_processes.ts";

const MAIN = pathOfProgram("main.ts");

/** The command line that runs the executable under test. */
export function invocation(args: readonly string[]): { executable: string; args: string[] } {
  const binary = Deno.env.get("XFER_BIN");
  if (binary) return { executable: binary, args: [...args] };
  const run = ["run", "--quiet", "--no-check", ...RUNTIME_FLAGS, MAIN];
  return { executable: Deno.execPath(), args: [...run, ...args] };
}

export function command(args: readonly string[], options: Deno.CommandOptions = {}): Deno.Command {
  const { executable, args: all } = invocation(args);
  return tiedCommand(executable, {
    ...options,
    args: all,
    env: { NO_COLOR: "1", ...options.env },
  });
}

/** Writes a program `xfer` for shells into a new folder: the executable under test. */
export async function writeLauncher(folder: string): Promise<void> {
  const { executable, args } = invocation([]);
  const words = tied([executable, ...args]).map((word) => `'${word}'`).join(" ");
  // Deno finds its cache by the home folder, which may be another one in the shell.
  const home = `HOME='${Deno.env.get("HOME") ?? ""}'`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/xfer`, `#!/bin/sh\n${home} exec ${words} "$@"\n`, {
    mode: 0o755,
  });
}

/** Arguments of a client of protocol 3 that asks no questions. */
export const CLIENT_3: readonly string[] = ["client", "--protocol", "3"];

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. `env` is added to the environment. */
export async function xfer(
  args: readonly string[],
  cwd?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const { code, stdout, stderr } = await command(args, {
    ...{ stdin: "null", stdout: "piped", stderr: "piped", env },
    ...(cwd === undefined ? {} : { cwd }),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A running command whose output can be read. Killed with the scope that holds it. */
export interface Running extends AsyncDisposable {
  /** Resolves when one of its outputs matches. Throws if it ends before. */
  printed(words: RegExp): Promise<void>;
  kill(signal: Deno.Signal): void;
  end(): Promise<Finished>;
}

export function startXfer(
  args: readonly string[],
  cwd: string,
  options: Pick<Deno.CommandOptions, "clearEnv" | "env"> = {},
): Running {
  const piped = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const process = command(args, { ...piped, cwd, ...options }).spawn();
  const text = { stdout: "", stderr: "" };
  let news = Promise.withResolvers<void>();
  const follow = async (stream: "stdout" | "stderr") => {
    for await (const part of process[stream].pipeThrough(new TextDecoderStream())) {
      text[stream] += part;
      news.resolve();
      news = Promise.withResolvers();
    }
  };
  const reading = Promise.all([follow("stdout"), follow("stderr")]).then(() => {
    news.reject(new Error(`The command ended and had printed:\n${text.stdout}${text.stderr}`));
    news.promise.catch(() => undefined);
  });
  return {
    async printed(words) {
      while (!words.test(text.stdout) && !words.test(text.stderr)) await news.promise;
    },
    kill: (signal) => process.kill(signal),
    async end() {
      const [{ code }] = await Promise.all([process.status, reading]);
      return { code, ...text };
    },
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // It has already ended.
      }
      await Promise.all([process.status, reading]);
    },
  };
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface StartOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** The number of addresses on which the server listens. */
  readonly listeners?: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether a new data folder is not seeded, so that this is the server's first start. */
  readonly first?: boolean;
}

/** A server process on a free port of the loopback address. Killed with the scope that holds it. */
export class ServerProcess implements AsyncDisposable {
  /** The addresses where it listens, in the order of its options. */
  readonly ports: number[] = [];
  /** The log so far. */
  readonly log: LogLine[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #news = new EventTarget();
  readonly #reading: Promise<void>;
  readonly #listening = Promise.withResolvers<void>();

  private constructor(process: Deno.ChildProcess, listeners: number) {
    this.#process = process;
    this.#reading = this.#read(listeners);
    this.#reading.catch(this.#listening.reject);
  }

  /** Resolves when the server listens. If it never does, it is killed. */
  static async start(
    dataFolder: string,
    { args = ["--listen", "127.0.0.1:0"], cwd, listeners = 1, env = {}, first = false }:
      StartOptions = {},
  ): Promise<ServerProcess> {
    if (!first) await seedDataFolder(resolve(cwd ?? "", dataFolder));
    const options: Deno.CommandOptions = { stdin: "null", stdout: "null", stderr: "piped", env };
    const process = command(
      ["server", ...args, "--data", dataFolder, "--log-format", "json"],
      cwd === undefined ? options : { ...options, cwd },
    ).spawn();
    const server = new ServerProcess(process, listeners);
    try {
      await server.#listening.promise;
      return server;
    } catch (error) {
      await server.stop("SIGKILL");
      throw error;
    }
  }

  async #read(listeners: number): Promise<void> {
    for await (const line of lines(this.#process.stderr)) {
      if (!line.startsWith("{")) throw new Error(`The server printed: ${line}`);
      const entry = JSON.parse(line) as LogLine;
      this.log.push(entry);
      this.#news.dispatchEvent(new Event(`${entry["event"]}`));
      if (entry["event"] === "server.listening") this.ports.push(Number(entry["port"]));
      if (this.ports.length === listeners) this.#listening.resolve();
    }
    this.#listening.reject(new Error("The server ended before it listened"));
  }

  /** The first port. */
  get port(): number {
    return this.ports[0] ?? 0;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The first line of an event, as soon as it is in the log. `from`: the number of lines to skip. */
  async logged(event: string, from = 0): Promise<LogLine> {
    for (;;) {
      const line = this.log.slice(from).find((line) => line["event"] === event);
      if (line !== undefined) return line;
      await new Promise<unknown>((resolve) => this.#news.addEventListener(event, resolve));
    }
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has already ended.
    }
    const status = await this.#process.status;
    await this.#reading.catch(() => undefined);
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}

/** Writes a `transfer.info` into a folder. */
export async function writeTransferInfo(
  folder: string,
  { port, userName = "Alice", file = "" }: { port: number; userName?: string; file?: string },
): Promise<void> {
  await Deno.writeTextFile(`${folder}/transfer.info`, `127.0.0.1:${port}\n${userName}\n${file}\n`);
}
