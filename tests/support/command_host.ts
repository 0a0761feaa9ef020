/** Runs commands of the executable under test without starting it for each. */
import { PERMISSION_FLAGS } from "../../scripts/release/permissions.ts";
import { END, type HostedCommand } from "./hosted_commands.ts";
import { type Finished, startXfer } from "./processes.ts";
import { pathOfProgram } from "./programs.ts";
import { tiedCommand } from "./tied_processes.ts";

/** Runs commands in one process: {@link HostedCommand}, one per line. */
export const PROGRAM: string = pathOfProgram("tests/support/hosted_commands.ts");

/** The output of a command and its exit code. */
export const ENDING = new RegExp(`^([^${END}]*)${END}(\\d+)${END}$`);

/** The time after which a command and its host are ended, in milliseconds. */
const COMMAND_MS = 60_000;

/**
 * A process with the executable's code and permissions that runs commands one after another, since a start takes longer
 * than most commands. With `XFER_BIN`, each command has its own process. Ends with the scope that holds it.
 */
export class CommandHost implements AsyncDisposable {
  readonly #env: Readonly<Record<string, string>>;
  #running: Running | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** `env`: the whole environment of its commands, except for `NO_COLOR` and the mark of the test run. */
  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Starts the process before the first command needs it. */
  start(): void {
    if (!Deno.env.has("XFER_BIN")) this.#running ??= this.#start();
  }

  /** Runs a command to its end, after those before. */
  run(args: readonly string[], cwd: string): Promise<Finished> {
    this.start();
    if (this.#running === undefined) return this.#runAlone(args, cwd);
    const running = this.#running;
    const finished = this.#turn.then(() => this.#run(running, { args, cwd }));
    this.#turn = finished.catch(() => undefined);
    return finished;
  }

  async #run({ process, outputs }: Running, command: HostedCommand): Promise<Finished> {
    const input = process.stdin.getWriter();
    await input.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
    input.releaseLock();
    const timer = setTimeout(() => process.kill("SIGKILL"), COMMAND_MS);
    const [stdout, stderr] = await Promise.all(outputs.map((output) => output.next()))
      .finally(() => clearTimeout(timer));
    return { code: Number(stdout?.code), stdout: stdout?.text ?? "", stderr: stderr?.text ?? "" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running === undefined) return;
    const { process, outputs } = this.#running;
    await process.stdin.close();
    await Promise.all([process.status, ...outputs.map((output) => output.end())]);
  }

  #start(): Running {
    const process = tiedCommand(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", ...PERMISSION_FLAGS, PROGRAM],
      ...{ clearEnv: true, env: { NO_COLOR: "1", ...this.#env } },
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    return { process, outputs: [new Output(process.stdout), new Output(process.stderr)] };
  }

  async #runAlone(args: readonly string[], cwd: string): Promise<Finished> {
    await using process = startXfer(args, cwd, { clearEnv: true, env: this.#env });
    return await process.end();
  }
}

interface Running {
  readonly process: Deno.ChildProcess;
  readonly outputs: readonly Output[];
}

/** One of the two streams of a host. */
class Output {
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The output of the next command, up to its end. Throws if the host ends before. */
  async next(): Promise<{ readonly text: string; readonly code: string | undefined }> {
    for (let text = "";;) {
      const [, printed, code] = ENDING.exec(text) ?? [];
      if (printed !== undefined) return { text: printed, code };
      const { value } = await this.#reader.read();
      if (value === undefined) throw new Error(`The host ended and had printed:\n${text}`);
      text += value;
    }
  }

  /** Throws if anything was printed after the end of the last command. */
  async end(): Promise<void> {
    const { value } = await this.#reader.read();
    if (value !== undefined) throw new Error(`The host printed at its end: ${value}`);
  }
}
