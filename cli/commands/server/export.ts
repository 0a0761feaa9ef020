/**
 * `xfer server export`.
 *
 * @module
 */
import type { Command } from "commander";
import { exportFile, isBackup } from "../../../server/mod.ts";
import { parseName } from "../../arguments/file_name.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { reportAction } from "./report_action.ts";
import { addLocation, locationOf } from "./store_location.ts";
import { reportInterruption } from "./target_report.ts";

/** Adds the command below `server`. */
export function addExportCommand(server: Command, run: Run): void {
  const command = server.command("export")
    .description(
      "Copy a stored file out of the data folder or a backup.\n\nThe content is verified first.",
    )
    .argument("<user>", "user name of the account")
    .argument("<name>", "name of the stored file", parseName)
    .argument("<file>", "file to write; must not exist")
    .option(
      "--version <number>",
      "export this older version (see 'xfer server list')",
      parseVersion,
    );
  addLocation(command)
    .addHelpText(
      "after",
      example(
        "xfer server export Alice a.pdf ./a-of-alice.pdf --data /srv/xfer",
        "xfer server export Alice a.pdf ./a-of-alice.pdf --backup /mnt/backup",
      ),
    )
    .action(async (user: string, fileName: string, target: string, _: unknown, c: Command) => {
      const dataFolder = await locationOf(c);
      const { version } = c.opts<{ version?: number }>();
      const { signal } = run;
      const request = { dataFolder, userName: user, fileName, target, version, signal };
      const { name, size, crc: cksum } = await reportInterruption(
        ...[run, "not-exported", target] as const,
        exportFile(request),
      );
      if (!isBackup(dataFolder)) {
        const action = { action: "file-exported", user, subject: name };
        await reportAction({ run, command: c, data: dataFolder }, action);
      }
      run.reporter.report({ event: "exported", target, name, user, size, cksum });
    });
}
