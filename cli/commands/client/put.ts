/**
 * `xfer client put`: what came of the files, and how they are sent by protocol 4.
 *
 * @module
 */
import { type Outcome, putFiles, type PutOutcome, type TransferInfo } from "../../../client/mod.ts";
import { formatAddress } from "../../../protocol/mod.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { StoredRecord } from "./stored_record.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { type CommonOptions, secureOptions } from "./connect.ts";
import { showProgress } from "../../progress/mod.ts";
import { type TransferChoice, transferOptions } from "./transfer_options.ts";

export interface PutChoice extends TransferChoice {
  readonly as?: string;
}

/** Sends files and folders; returns the exit code. */
export async function putSecurely(
  run: Run,
  info: TransferInfo,
  common: CommonOptions,
  paths: readonly string[],
  choice: PutChoice,
  record: StoredRecord,
  byProtocol3: "possible" | "impossible",
): Promise<number> {
  const { reporter } = run;
  const [user, server] = [info.userName, formatAddress(info.server)];
  using _progress = showProgress(reporter, "put");
  let skipped = 0;
  const outcomes = await putFiles({
    ...await secureOptions(info, common, run, byProtocol3),
    ...transferOptions(choice),
    ...{ paths, as: choice.as },
    onPassed: (path, why) => {
      skipped++;
      reporter.report({ event: "passed", path, why });
    },
    onOutcome: (outcome) => {
      if ("error" in outcome) {
        const { path, state, error } = outcome;
        reporter.reportError(error);
        return reporter.report({ event: "not-stored", path, state, code: error.code });
      }
      const { name, file: { path, size } } = outcome;
      if (outcome.state === "unchanged") return reporter.report({ event: "unchanged", name, path });
      const { crc: cksum } = outcome;
      record.add({ name, size, cksum });
      reporter.report({ event: "stored", name, path, size, cksum, user, server });
    },
  });
  return summarise(reporter, outcomes, skipped);
}

/** Says what came of all; returns the exit code. */
export function summarise(
  reporter: Reporter,
  outcomes: readonly (Outcome | PutOutcome)[],
  skipped = 0,
): number {
  const stored = outcomes.filter((outcome) => outcome.state === "stored");
  const unchanged = outcomes.filter(({ state }) => state === "unchanged").length;
  const bytes = stored.reduce((sum, { file }) => sum + file.size, 0);
  const failures = outcomes.flatMap((outcome) => "error" in outcome ? [outcome.error] : []);
  const failed = failures.length;
  const counts = { done: stored.length, bytes, unchanged, skipped, failed };
  reporter.report({ event: "summary", action: "put", ...counts });
  return exitCodeOfAll(stored.length + unchanged, failures);
}
