/**
 * `xfer server migrate`.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { UsageError } from "../../../protocol/errors.ts";
import {
  type CopyReport,
  migrateFromFolder,
  migrateToFolder,
  nameOfLocation,
} from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { reportDamaged, reportInterruption } from "./target_report.ts";

interface MigrateChoice {
  readonly from?: string;
  readonly to?: string;
}

/** Adds the command below `server`. */
export function addMigrateCommand(server: Command, run: Run): void {
  server.command("migrate")
    .description(`Copy a data folder to a database and an object store, or back.\n\n${NOTES}`)
    .addOption(
      new Option("--from <dir>", "data folder to copy to --catalog and --blobs").conflicts(["to"]),
    )
    .option("--to <dir>", "new data folder for the data of --catalog and --blobs")
    .addHelpText("after", HELP)
    .action(async ({ from, to }: MigrateChoice, command: Command) => {
      const stores = await dataOf(command);
      if (typeof stores === "string") throw noStores();
      const { signal } = run;
      const [target, migrate] = from !== undefined
        ? [nameOfLocation(stores), () => migrateFromFolder(from, stores, { signal })]
        : to !== undefined
        ? [to, () => migrateToFolder(stores, to, { signal })]
        : noDirection();
      const report: CopyReport = await reportInterruption(run, "not-migrated", target, migrate());
      reportDamaged(run, report);
      const { files, bytes, damaged } = report;
      run.reporter.report({
        ...{ event: "copied", action: "migrate", files, bytes, target, leftOut: damaged.length },
      });
    });
}

const NOTES = `\
Copies accounts, files, history and the server key. The source does not change. Stop all servers of
both first, and afterwards start servers on only one of them. To resume an interrupted migration, run
the same command again.`;

const HELP = example(
  "xfer server migrate --from /srv/xfer --config /etc/xfer/server.toml",
  "xfer server migrate --to /srv/xfer --config /etc/xfer/server.toml",
);

function noStores(): UsageError {
  return new UsageError("no-stores", "--catalog is missing", {
    hint: "Add --catalog postgres://USER@HOST/DB, and --blobs s3://BUCKET/PREFIX.",
  });
}

function noDirection(): never {
  throw new UsageError("no-direction", "--from or --to is missing", {
    hint: "Add --from DIR to copy a data folder to the stores, or --to DIR to copy them back.",
  });
}
