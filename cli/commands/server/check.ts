/**
 * `xfer server check`: the check of all stored files by a running server.
 *
 * @module
 */
import type { Command } from "commander";
import { type CheckReport, type RoundReport, withRunningServers } from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import { DAMAGED, SUCCESS } from "../../exit_codes.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";
import { operatorName } from "./report_action.ts";

/** Adds the command below `server`. */
export function addCheckCommand(server: Command, run: Run): void {
  server.command("check")
    .description("Show the check of all stored files, or start one.")
    .option("--start", "read all files now, at --check-rate")
    .addHelpText(
      "after",
      example("xfer server check --data /srv/xfer", "xfer server check --start"),
    )
    .action(async ({ start = false }: { start?: boolean }, command: Command) => {
      const data = await dataOf(command);
      await withRunningServers(data, operatorName(), async (servers) => {
        if (!start) return report(run, await servers.check());
        run.reporter.report({ event: "check-started", already: !(await servers.beginCheck()) });
      });
    });
}

function report(run: Run, status: CheckReport): void {
  const { intervalMs, current, progress, last, nextAt, oldestMs, reason, ...rest } = status;
  run.reporter.report({
    ...{ event: "check-status", ...rest, reason: reason ?? undefined },
    interval: intervalMs / 1000,
    current: current === null ? undefined : roundOf(current),
    progress: progress ?? undefined,
    last: last === null ? undefined : roundOf(last),
    next: nextAt === null ? undefined : isoTime(nextAt),
    oldest: oldestMs === null ? undefined : Math.round(oldestMs / 1000),
  });
  run.finish(rest.damaged === 0 ? SUCCESS : DAMAGED);
}

function roundOf({ startedAt, endedAt, isRequested: requested, ...counts }: RoundReport) {
  return {
    ...{ started: isoTime(startedAt), ended: endedAt === null ? undefined : isoTime(endedAt) },
    ...{ requested, ...counts },
  };
}
