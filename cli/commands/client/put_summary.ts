/**
 * The totals at the end of `xfer client put`.
 *
 * @module
 */
import type { Outcome, PutOutcome } from "../../../client/mod.ts";
import { endsAll, type XferError } from "../../../protocol/errors.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { Reporter } from "../../output/reporter.ts";

/** Counts results, however many there are. */
export class PutTotals {
  readonly #totals = {
    ...{ done: 0, bytes: 0, links: 0, folders: 0, unchanged: 0, updated: 0, deleted: 0 },
  };
  #succeeded = 0;
  #failed = 0;
  /** Those that matter for the exit code: the first, and the first that ended the run. */
  readonly #failures: XferError[] = [];

  add(outcome: Outcome | PutOutcome): void {
    if ("error" in outcome) return this.#addFailure(outcome.error);
    this.#succeeded++;
    const totals = this.#totals;
    if (outcome.state === "removed") totals.deleted++;
    else if (outcome.state !== "stored") totals[outcome.state]++;
    else if ("kind" in outcome && outcome.kind === "folder") totals.folders++;
    else {
      totals.done++;
      if ("kind" in outcome && outcome.kind === "link") totals.links++;
      else totals.bytes += outcome.file.size;
    }
  }

  /** Reports the summary; returns the exit code. */
  report(reporter: Reporter, skipped = 0): number {
    const failed = this.#failed;
    reporter.report({ event: "summary", action: "put", ...this.#totals, skipped, failed });
    return exitCodeOfAll(this.#succeeded, this.#failures);
  }

  #addFailure(error: XferError): void {
    this.#failed++;
    const isKept = this.#failures.length === 0 ||
      (endsAll(error) && !this.#failures.some(endsAll));
    if (isKept) this.#failures.push(error);
  }
}
