/**
 * `xfer` of processes.ts with one process for the commands of a test file: for tests of what commands say and do to files.
 * Commands whose start, end or side by side is what matters have processes of their own.
 */
import { CommandHost } from "./command_host.ts";
import type { Finished } from "./processes.ts";

const host = new CommandHost(Deno.env.toObject());
// Before any test, none of which has left it then. It ends when nobody holds its standard input.
host.start();

/** Runs to the end; one at a time. */
export function xfer(args: readonly string[], cwd: string = Deno.cwd()): Promise<Finished> {
  return host.run(args, cwd);
}
