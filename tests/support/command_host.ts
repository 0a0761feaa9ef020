/** Commands of the executable under test without a start of it for each. */
import { fileURLToPath } from "node:url";
import { PERMISSION_FLAGS } from "../../scripts/release/permissions.ts";
import { END, type HostedCommand } from "./hosted_commands.ts";
import { type Finished, startXfer } from "./processes.ts";
import { tiedCommand } from "./tied_processes.ts";

const PROGRAM = fileURLToPath(new URL("./hosted_commands.ts", import.meta.url));

const ENDING = new RegExp(`^([^${END}]*)${END}(\\d+)${END}$`);

/** A command that has not ended after so many milliseconds ends with its host. */
const COMMAND_MS = 60_000;

/**
 * A process with the executable's code and permissions that runs commands one after another: a start takes longer than
 * most commands do. Where `XFER_BIN` is tested, each command has a process of its own. Ends with the scope that holds it.
 */
export class CommandHost implements AsyncDisposable {
  readonly #env: Readonly<Record<string, string>>;
  #running: Running | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** `env`: all that the environment of its commands has, beside `NO_COLOR` and what marks the run of the tests. */
  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Starts the process, which the first command does otherwise. */
  start(): void {
    if (!Deno.env.has("XFER_BIN")) this.#running ??= this.#start();
  }

  /** Runs a command to its end, when those before have ended. */
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

  /** What the next command prints, up to its end. Throws when the host ends before. */
  async next(): Promise<{ readonly text: string; readonly code: string | undefined }> {
    for (let text = "";;) {
      const [, printed, code] = ENDING.exec(text) ?? [];
      if (printed !== undefined) return { text: printed, code };
      const { value } = await this.#reader.read();
      if (value === undefined) throw new Error(`The host ended and had printed:\n${text}`);
      text += value;
    }
  }

  /** Throws where something was printed behind the end of the last command. */
  async end(): Promise<void> {
    const { value } = await this.#reader.read();
    if (value !== undefined) throw new Error(`The host printed at its end: ${value}`);
  }
}
