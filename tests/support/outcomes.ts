/** Names of files in the outcomes of uploads. */
import { basename } from "node:path";
import type { Outcome } from "../../client/events.ts";
import type { PutOutcome } from "../../client/v4/put_files.ts";

/** The last part of the path of an outcome's file. */
export function nameOf(outcome: Outcome | PutOutcome): string {
  return basename("path" in outcome ? outcome.path : outcome.file.path);
}
