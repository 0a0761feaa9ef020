/**
 * `xfer server list`, `export`, `verify`, `backup` and `restore`.
 *
 * @module
 */
import type { Command } from "commander";
import { InterruptedError } from "../../../protocol/errors.ts";
import { throwIfAborted } from "../../../protocol/abort.ts";
import { toHex } from "../../../protocol/bytes.ts";
import {
  backup,
  type CopyReport,
  exportFile,
  restore,
  type StoredVisitor,
  type Verified,
  verify,
  visitStored,
} from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import { DAMAGED, SUCCESS } from "../../exit_codes.ts";
import type { EventOf } from "../../events/mod.ts";
import { ListTotals } from "../../text/list_totals.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import { parseName } from "../../arguments/file_name.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";

/** Adds the commands below `server`. */
export function addStoreCommands(server: Command, run: Run): void {
  server.command("list").alias("ls")
    .description("List all accounts and their files.")
    .addHelpText("after", example("xfer server list --data /srv/xfer"))
    .action(async (_: unknown, command: Command) => {
      const totals = new ListTotals();
      await visitStored(await dataOf(command), reportTo(run.reporter, totals));
      run.reporter.remark((show) => totals.words(show));
    });
  server.command("export")
    .description("Copy a stored file out of the data folder.\n\nVerifies the content first.")
    .argument("<user>", "user name of the account")
    .argument("<name>", "name of the stored file", parseName)
    .argument("<file>", "file to write; must not exist")
    .option(
      "--version <number>",
      "export this older version (see 'xfer server list')",
      parseVersion,
    )
    .addHelpText(
      "after",
      example("xfer server export Alice a.pdf ./a-of-alice.pdf --data /srv/xfer"),
    )
    .action(async (user: string, fileName: string, target: string, _: unknown, c: Command) => {
      const dataFolder = await dataOf(c);
      const { version } = c.opts<{ version?: number }>();
      const { signal } = run;
      const request = { dataFolder, userName: user, fileName, target, version, signal };
      const { name, size, crc: cksum } = await writing(
        ...[run, "not-exported", target] as const,
        exportFile(request),
      );
      run.reporter.report({ event: "exported", target, name, user, size, cksum });
    });
  server.command("verify")
    .description("Check every stored file against the catalog.")
    .option("--repair", "move damaged files to quarantine/ (stop the server first)")
    .addHelpText(
      "after",
      example("xfer server verify --data /srv/xfer", "xfer server verify --repair"),
    )
    .action(async ({ repair = false }: { repair?: boolean }, command: Command) => {
      const { findings, whole, catalogFaults } = await verify({
        dataFolder: await dataOf(command),
        ...{ repair, signal: run.signal },
        onFinding: (verified) => run.reporter.report(findingEvent(verified)),
        onIntact: ({ content: { id: path }, name }) =>
          run.reporter.report({ event: "sound-again", path, name }),
        onNotRecorded: (reason) =>
          run.reporter.report({ event: "not-recorded", reason, record: "damage" }),
      });
      for (const fault of catalogFaults) run.reporter.report({ event: "catalog-fault", fault });
      const differences = findings + catalogFaults.length;
      run.reporter.report({ event: "verified", differences, repaired: repair, whole });
      throwIfAborted(run.signal);
      run.finish(differences === 0 ? SUCCESS : DAMAGED);
    });
  server.command("backup")
    .description(
      "Back up the catalog and all files.\n\nThe server may keep running: the backup shows the state of one moment.",
    )
    .argument("<dir>", "folder for the backup; must be new or empty")
    .addHelpText("after", example("xfer server backup /mnt/backup/monday --data /srv/xfer"))
    .action(async (target: string, _: unknown, command: Command) => {
      const data = await dataOf(command);
      const { signal } = run;
      await reportCopy(run, "backup", target, backup(data, target, { signal }));
    });
  server.command("restore")
    .description(
      "Create a data folder from a backup.\n\nThe folder of --data must be new or empty.",
    )
    .argument("<dir>", "folder of the backup")
    .addHelpText("after", example("xfer server restore /mnt/backup/monday --data /srv/xfer"))
    .action(async (source: string, _: unknown, command: Command) => {
      const data = await dataOf(command);
      const { signal } = run;
      const onNoIdentity = (accounts: number) =>
        run.reporter.report({ event: "no-server-identity", accounts });
      await reportCopy(run, "restore", data, restore(source, data, { signal, onNoIdentity }));
    });
}

function findingEvent({ finding, user, movedTo }: Verified): EventOf<"finding"> {
  const { kind } = finding;
  return {
    ...{ event: "finding", finding: kind, user, movedTo },
    ...kind === "stray" ? finding : { ...finding.file, path: finding.file.content.id },
    how: kind === "changed" ? finding.what : undefined,
  };
}

/** Reports the target if the work is interrupted. */
async function writing<T>(
  run: Run,
  event: "not-copied" | "not-exported",
  target: string,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof InterruptedError) {
      run.reporter.report({ event, target, code: error.code });
    }
    throw error;
  }
}

/** Reports the result, and sets the exit code. */
async function reportCopy(
  run: Run,
  action: "backup" | "restore",
  target: string,
  work: Promise<CopyReport>,
): Promise<void> {
  const { files, bytes, damaged } = await writing(run, "not-copied", target, work);
  for (const { content: { id: path }, name } of damaged) {
    run.reporter.report({ event: "left-out", path, name });
  }
  run.reporter.report({ event: "copied", action, files, bytes, target, leftOut: damaged.length });
  run.finish(damaged.length === 0 ? SUCCESS : DAMAGED);
}

function reportTo(reporter: Reporter, totals: ListTotals): StoredVisitor {
  let user = "";
  return {
    client({ id, name, hasKey, firstSeen, lastSeen, storedProfile: { edition } }, counts) {
      user = name;
      totals.add({ accounts: 1, ...counts });
      reporter.report({
        ...{ event: "client", name, id: toHex(id), edition, hasKey, ...counts },
        ...{ firstSeen: isoTime(firstSeen), lastSeen: isoTime(lastSeen) },
      });
    },
    file({ name, size, crc: cksum, storedAt, verified, content: { id: path }, ...file }) {
      const { version = 1, current = true, damage } = file;
      totals.add({ bytes: size });
      reporter.report({
        ...{ event: "client-file", user, name, size, cksum },
        ...{ stored: isoTime(storedAt), verified, path, version, current, damage },
      });
    },
  };
}
