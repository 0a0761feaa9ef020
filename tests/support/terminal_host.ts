/** Runs commands of the executable under test in one terminal, without starting it for each. */
import { PERMISSION_FLAGS } from "../../scripts/release/permissions.ts";
import { ENDING, PROGRAM } from "./command_host.ts";
import type { HostedCommand } from "./hosted_commands.ts";
import { type Shown, showXfer, Terminal, type TerminalOptions } from "./terminal.ts";

interface Running {
  readonly terminal: Terminal;
  /** Takes the commands, since the terminal is their standard input. */
  readonly commands: Deno.Conn;
}

/**
 * Like a `CommandHost`, for commands that print on a terminal and read nothing from it. One command runs at a time.
 * With `XFER_BIN`, each has its own process and terminal.
 */
export class TerminalHost implements AsyncDisposable {
  readonly #options: TerminalOptions;
  #running: Promise<Running> | undefined;

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  /** Runs a command to its end. Returns its exit code and its output, unchanged. */
  async run(args: readonly string[], cwd: string): Promise<Pick<Shown, "code" | "written">> {
    if (Deno.env.has("XFER_BIN")) return await showXfer(args, { ...this.#options, cwd });
    const { terminal, commands } = await (this.#running ??= this.#start());
    const before = terminal.written.length;
    const command: HostedCommand = { args, cwd };
    const writer = commands.writable.getWriter();
    await writer.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
    writer.releaseLock();
    let found: RegExpExecArray | null = null;
    await terminal.until(() => {
      found = ENDING.exec(terminal.written.slice(before));
      return found !== null;
    });
    const [, written = "", code] = found ?? [];
    return { code: Number(code), written };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running === undefined) return;
    const { terminal, commands } = await this.#running;
    await using _killed = terminal;
    commands.close();
    await terminal.end();
  }

  async #start(): Promise<Running> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const run = ["run", "--quiet", "--no-check", ...PERMISSION_FLAGS, PROGRAM];
    const command = [Deno.execPath(), ...run, `${listener.addr.port}`];
    const terminal = await Terminal.start(command, this.#options);
    const ended = terminal.until(() => false);
    ended.catch(() => undefined);
    const commands = await Promise.race([listener.accept(), ended]);
    return { terminal, commands: commands as Deno.Conn };
  }
}
