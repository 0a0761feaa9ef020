/**
 * `xfer server restore`.
 *
 * @module
 */
import type { Command } from "commander";
import { restore } from "../../../server/mod.ts";
import { folderOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { stateOption } from "./store_location.ts";
import { reportDamaged, reportInterruption } from "./target_report.ts";

/** Adds the command below `server`. */
export function addRestoreCommand(server: Command, run: Run): void {
  server.command("restore")
    .description(
      "Create a data folder from a backup.\n\nThe folder of --data must be new or empty.",
    )
    .argument("<dir>", "folder of the backup")
    .addOption(stateOption())
    .addHelpText(
      "after",
      example(
        "xfer server restore /mnt/backup --data /srv/xfer",
        "xfer server restore /mnt/backup --state 2026-11-29T03-00-00Z --data old",
      ),
    )
    .action(async (source: string, { state }: { state?: string }, command: Command) => {
      const target = await folderOf(command);
      const { signal } = run;
      const onNoIdentity = (accounts: number) =>
        run.reporter.report({ event: "no-server-identity", accounts });
      const report = await reportInterruption(
        ...[run, "not-copied", target] as const,
        restore(source, target, { state, signal, onNoIdentity }),
      );
      reportDamaged(run, report);
      const { files, bytes, damaged } = report;
      run.reporter.report({
        ...{ event: "copied", action: "restore", files, bytes, target, leftOut: damaged.length },
      });
    });
}
