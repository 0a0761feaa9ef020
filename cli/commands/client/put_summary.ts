/**
 * The totals at the end of `xfer client put`.
 *
 * @module
 */
import type { Outcome, PutOutcome } from "../../../client/mod.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { Reporter } from "../../output/reporter.ts";

/** Reports the summary; returns the exit code. */
export function summarise(
  reporter: Reporter,
  outcomes: readonly (Outcome | PutOutcome)[],
  skipped = 0,
): number {
  const totals = { done: 0, bytes: 0, links: 0, folders: 0, unchanged: 0, updated: 0, deleted: 0 };
  for (const outcome of outcomes) {
    if ("error" in outcome) continue;
    if (outcome.state === "removed") totals.deleted++;
    else if (outcome.state !== "stored") totals[outcome.state]++;
    else if ("kind" in outcome && outcome.kind === "folder") totals.folders++;
    else {
      totals.done++;
      if ("kind" in outcome && outcome.kind === "link") totals.links++;
      else totals.bytes += outcome.file.size;
    }
  }
  const failures = outcomes.flatMap((outcome) => "error" in outcome ? [outcome.error] : []);
  const failed = failures.length;
  reporter.report({ event: "summary", action: "put", ...totals, skipped, failed });
  return exitCodeOfAll(outcomes.length - failed, failures);
}
