/**
 * `xfer server restore`.
 *
 * @module
 */
import type { Command } from "commander";
import { nameOfLocation, restore } from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { stateOption } from "./store_location.ts";
import { reportDamaged, reportInterruption } from "./target_report.ts";

/** Adds the command below `server`. */
export function addRestoreCommand(server: Command, run: Run): void {
  server.command("restore")
    .description(
      "Create a data folder from a backup, or fill a database.\n\n" +
        "The folder of --data, or the database of --catalog, must be new or empty.",
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
      const location = await dataOf(command);
      const target = nameOfLocation(location);
      const { signal } = run;
      const onNoIdentity = (accounts: number) =>
        run.reporter.report({ event: "no-server-identity", accounts });
      const report = await reportInterruption(
        ...[run, typeof location === "string" ? "not-copied" : "not-migrated", target] as const,
        restore(source, location, { state, signal, onNoIdentity }),
      );
      reportDamaged(run, report);
      const { files, bytes, damaged } = report;
      run.reporter.report({
        ...{ event: "copied", action: "restore", files, bytes, target, leftOut: damaged.length },
      });
    });
}
