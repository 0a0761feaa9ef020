/** Of which file an outcome is. */
import { basename } from "node:path";
import type { Outcome, PutOutcome } from "../../mod.ts";

/** The last part of its path. */
export function nameOf(outcome: Outcome | PutOutcome): string {
  return basename("path" in outcome ? outcome.path : outcome.file.path);
}
