/**
 * The command line.
 *
 * @module
 */
import { shareFreeMemory } from "./allocator.ts";
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { loadProgram, makeProgram } from "./program.ts";
import { Run } from "./run.ts";
import { Ended } from "./arguments/usage_error.ts";

/** Runs a command line and returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  shareFreeMemory();
  const run = new Run();
  try {
    const program = await makeProgram(run, (command) => args.includes(command));
    await program.parseAsync([...args], { from: "user" });
    run.endWatch();
  } catch (error) {
    run.endWatch();
    if (!(error instanceof Ended && error.isAnswered)) {
      if (error instanceof Ended) run.scan(args);
      const failure = error instanceof Ended ? await error.errorIn(args, loadProgram) : error;
      run.reporter.reportError(failure);
      run.finish(exitCodeOf(failure));
    }
  }
  const { failure } = run.reporter;
  return run.exitCode === SUCCESS && failure !== undefined ? exitCodeOf(failure) : run.exitCode;
}
