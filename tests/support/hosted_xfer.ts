/**
 * Runs `xfer` like processes.ts, with one process for all commands of a test file. For tests of output and files. Tests
 * of start, end or parallel commands use processes of their own.
 */
import { CommandHost } from "./command_host.ts";
import type { Finished } from "./processes.ts";

const host = new CommandHost(Deno.env.toObject());
// Created before any test, so no test leaks it. It ends when its standard input is closed.
host.start();

/** Runs a command to its end, one at a time. */
export function xfer(args: readonly string[], cwd: string = Deno.cwd()): Promise<Finished> {
  return host.run(args, cwd);
}
