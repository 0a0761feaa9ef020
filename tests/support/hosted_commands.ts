/** Runs xfer's commands one after another for {@link CommandHost}: JSON on standard input, one command per line. */
// Loaded first: a command of the server gives up the permission that this module needs.
import "../../client/local/file_metadata.ts";
import { lines } from "./lines.ts";

export interface HostedCommand {
  readonly args: readonly string[];
  readonly cwd: string;
}

/** Stands around the exit code after the output of a command, on both streams. No command prints it. */
export const END = "\0";

if (import.meta.main) {
  const { main } = await import("../../cli/main.ts");
  for await (const line of lines(Deno.stdin.readable)) {
    const { args, cwd } = JSON.parse(line) as HostedCommand;
    Deno.chdir(cwd);
    const end = new TextEncoder().encode(`${END}${await main(args)}${END}`);
    for (const output of [Deno.stdout, Deno.stderr]) output.writeSync(end);
  }
}
