/**
 * The command line.
 *
 * @module
 */
import { CommanderError } from "commander";
import { UsageError } from "../protocol/errors.ts";
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { makeProgram } from "./program.ts";
import { Run } from "./run.ts";

/** Runs a command line and returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const run = new Run();
  try {
    const program = await makeProgram(run, (command) => args.includes(command));
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return SUCCESS;
      run.scan(args);
    }
    const failure = error instanceof CommanderError ? toUsageError(error) : error;
    run.reporter.reportError(failure);
    return exitCodeOf(failure);
  }
  const { failure } = run.reporter;
  return run.exitCode === SUCCESS && failure !== undefined ? exitCodeOf(failure) : run.exitCode;
}

function toUsageError(error: CommanderError): UsageError {
  if (error.code === "commander.help") {
    return new UsageError("no-command", "No command was given", { hint: "See xfer --help." });
  }
  const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  const code = error.code.replace("commander.", "").replace(
    /[A-Z]/g,
    (letter) => `-${letter.toLowerCase()}`,
  );
  return new UsageError(code, message, {
    hint: "See xfer --help, or xfer COMMAND --help.",
  });
}
