/** A server of a cluster, which is started again whenever it ends. */
import { command } from "../../tests/support/processes.ts";
import { lines } from "../../tests/support/lines.ts";
import type { EngineRelay } from "./engine_relay.ts";

/** The pause before a server that has ended is started again, in milliseconds. */
const RESTART_MS = 300;
/** The most time for a server to end, in milliseconds: transfers in progress may end first. */
const STOP_MS = 90_000;
/** The lines of the log that are kept. */
const MAX_LINES = 1000;

export interface NodeOptions {
  readonly name: string;
  /** The folder where the server runs. */
  readonly folder: string;
  readonly args: readonly string[];
  readonly relays: NodeRelays;
  /** Secrets. */
  readonly env: Readonly<Record<string, string>>;
}

/** The ways of a server to the database and the object store. */
export interface NodeRelays {
  readonly postgres: EngineRelay;
  readonly objects: EngineRelay;
}

/** The event of a line that is neither of the log nor an error of a command. */
export const PRINTED = "printed";

/** An error in the log, or the one that ended the server. */
export interface LoggedError {
  /** The event of the log, or the code of the error. */
  readonly event: string;
  readonly text: string;
}

/** Runs until it is stopped. Killed with the scope that holds it. */
export class ClusterNode implements AsyncDisposable {
  readonly name: string;
  readonly relays: NodeRelays;
  /** The errors in its log so far. */
  readonly errors: LoggedError[] = [];
  /** The last lines that it has printed. */
  readonly lastLines: string[] = [];
  readonly #options: Pick<NodeOptions, "args" | "env" | "folder">;
  #process: Deno.ChildProcess | undefined;
  #isWanted = false;
  #isListening = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: NodeOptions) {
    this.name = options.name;
    this.relays = options.relays;
    this.#options = options;
  }

  /** The process, if it runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether it serves clients. */
  get isListening(): boolean {
    return this.#isListening;
  }

  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { args, env, folder } = this.#options;
    while (this.#isWanted) {
      const process = command(["server", ...args, "--log-format", "json"], {
        ...{ env, cwd: folder, stdin: "null", stdout: "null", stderr: "piped" },
      }).spawn();
      this.#process = process;
      for await (const line of lines(process.stderr)) this.#read(line);
      this.#isListening = false;
      await process.status;
      this.#process = undefined;
      if (this.#isWanted) await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
    }
  }

  #read(line: string): void {
    this.lastLines.push(line);
    if (this.lastLines.length > MAX_LINES) this.lastLines.shift();
    if (!line.startsWith("{")) return this.#readPrinted(line);
    const { event, level } = parse(line);
    if (event === "server.listening") this.#isListening = true;
    if (level === "ERROR" || level === "FATAL") this.errors.push({ event: `${event}`, text: line });
  }

  /** The error that ended the command: `xfer: MESSAGE [CODE]`, often with a hint on the next line. */
  #readPrinted(line: string): void {
    if (/^\s/.test(line)) return;
    const [, code = PRINTED] = /^xfer: .* \[([a-z-]+)\]$/.exec(line) ?? [];
    this.errors.push({ event: code, text: line });
  }

  /** Sends a signal to the process, if there is one. `SIGKILL` is followed by another start. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    try {
      this.#process?.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has already ended.
    }
  }

  /** Ends the server. Throws an error if it does not end by itself. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    this.signal("SIGCONT");
    // One that still waits for a lease has nothing to end.
    this.signal(this.#isListening ? "SIGTERM" : "SIGKILL");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.signal("SIGKILL");
    }, STOP_MS);
    await this.#running;
    clearTimeout(timer);
    if (isLate) throw new Error(`${this.name} did not end within ${STOP_MS / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isWanted = false;
    this.signal("SIGKILL");
    await this.#running;
  }
}

/** A line of the log. The last one of a killed server can be incomplete. */
function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
