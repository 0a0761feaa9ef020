/**
 * Runs xfer's commands one after another: JSON, one command per line, on standard input for a `CommandHost`, or from a
 * port of this machine, given as argument, for a `TerminalHost`.
 */
// Loaded first: a command of the server gives up the permission that this module needs.
import "../../client/local/file_metadata.ts";
import { lines } from "./lines.ts";

export interface HostedCommand {
  readonly args: readonly string[];
  readonly cwd: string;
}

/** Stands around the exit code after the output of a command, on each stream. No command prints it. */
export const END = "\x1e";

if (import.meta.main) {
  const { main } = await import("../../cli/main.ts");
  const [port] = Deno.args;
  const commands = port === undefined
    ? Deno.stdin.readable
    : (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).readable;
  // A terminal shows both streams.
  const outputs = port === undefined ? [Deno.stdout, Deno.stderr] : [Deno.stdout];
  for await (const line of lines(commands)) {
    const { args, cwd } = JSON.parse(line) as HostedCommand;
    Deno.chdir(cwd);
    const end = new TextEncoder().encode(`${END}${await main(args)}${END}`);
    for (const output of outputs) output.writeSync(end);
  }
  // Whatever a command has left open does not keep the process.
  Deno.exit();
}
