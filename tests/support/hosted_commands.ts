/** Runs xfer's commands one after another, as {@link CommandHost} asks: JSON, a line for each, on standard input. */
import { lines } from "./lines.ts";

export interface HostedCommand {
  readonly args: readonly string[];
  readonly cwd: string;
}

/** Stands around the exit code behind what a command prints, on both outputs. No command prints it. */
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
