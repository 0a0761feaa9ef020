/**
 * `xfer server backup`.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { backup, listBackup } from "../../../server/mod.ts";
import { parseQuantity } from "../../arguments/quantities.ts";
import { dataOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";
import { reportDamaged, reportInterruption } from "./target_report.ts";

interface BackupChoice {
  readonly keep?: number;
  readonly list?: boolean;
}

/** Adds the command below `server`. */
export function addBackupCommand(server: Command, run: Run): void {
  server.command("backup")
    .description(`Back up the catalog and all files.\n\n${NOTES}`)
    .argument("<dir>", "folder for the backup: new, empty, or a backup")
    .option(
      "--keep <count>",
      "number of states to keep (default: all)",
      (text) => parseQuantity(text, "count", 1),
    )
    .addOption(new Option("--list", "list the states of the backup").conflicts(["keep"]))
    .addHelpText("after", HELP)
    .action(async (target: string, { keep, list = false }: BackupChoice, command: Command) => {
      if (list) return await printStates(run, target);
      const data = await dataOf(command);
      const { signal } = run;
      const report = await reportInterruption(
        ...[run, "not-backed-up", target] as const,
        backup(data, target, { keep, signal }),
      );
      reportDamaged(run, report);
      const { state, files, bytes, newFiles, newBytes, damaged, removed } = report;
      run.reporter.report({
        ...{ event: "copied", action: "backup", files, bytes, target, leftOut: damaged.length },
        ...{ state, newFiles, newBytes },
      });
      for (const state of removed) run.reporter.report({ event: "state-removed", state, target });
    });
}

const NOTES = `\
The server can keep running. A backup contains the state of one moment. Each backup into a folder adds a
state, and copies only contents that the folder lacks.`;

const HELP = example(
  "xfer server backup /mnt/backup --keep 7 --data /srv/xfer",
  "xfer server backup /mnt/backup --list",
);

async function printStates(run: Run, folder: string): Promise<void> {
  for (const { name: state, time, files, bytes } of await listBackup(folder)) {
    run.reporter.report({ event: "state", state, time: isoTime(time), files, bytes });
  }
}
