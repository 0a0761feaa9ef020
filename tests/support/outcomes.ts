/** Names of files in the outcomes of uploads. */
import { basename } from "node:path";
import type { Outcome } from "../../client/events.ts";
import type { PutOutcome } from "../../client/v4/put_options.ts";

/** The last part of the path of an outcome's file. */
export function nameOf(outcome: Outcome | PutOutcome): string {
  if ("path" in outcome) return basename(outcome.path);
  return basename("file" in outcome ? outcome.file.path : outcome.name);
}
