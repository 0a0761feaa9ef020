/**
 * Reports of commands that write to a target.
 *
 * @module
 */
import { InterruptedError } from "../../../protocol/errors.ts";
import type { CopyReport } from "../../../server/mod.ts";
import { DAMAGED, SUCCESS } from "../../exit_codes.ts";
import type { Run } from "../../run.ts";

/** Reports the target if the work is interrupted. */
export async function reportInterruption<T>(
  run: Run,
  event: "not-copied" | "not-backed-up" | "not-migrated" | "not-exported",
  target: string,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof InterruptedError) {
      run.reporter.report({ event, target, code: error.code });
    }
    throw error;
  }
}

/** Reports the damaged files that a copy lacks, and sets the exit code. */
export function reportDamaged(run: Run, { damaged }: CopyReport): void {
  for (const { content: { id: path }, name } of damaged) {
    run.reporter.report({ event: "left-out", path, name });
  }
  run.finish(damaged.length === 0 ? SUCCESS : DAMAGED);
}
