/**
 * `xfer client stat`.
 *
 * @module
 */
import type { Command } from "commander";
import {
  ConnectionPool,
  DamagedFiles,
  implicitFolder,
  type RemoteFile,
} from "../../../client/mod.ts";
import { RefusedError } from "../../../protocol/errors.ts";
import { parseName } from "../../arguments/file_name.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { EntryTotals } from "../../text/contents.ts";
import { example } from "../../text/format.ts";
import type { OptionsOf } from "./connect.ts";
import { entryEvent } from "./entry_event.ts";
import { explainMissing } from "./explain_missing.ts";
import { hintVersions } from "./versions.ts";

export function addStatCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("stat")
    .description("Show the details of a file, link or folder on the server.")
    .argument("<name>", "name on the server", parseName)
    .option("--version <number>", "show an older version", parseVersion)
    .addHelpText("after", example("xfer client stat docs/report.pdf", "xfer client stat docs"))
    .action(async (given: string, { version }: { version?: number }, command: Command) => {
      const { connect, retry } = await optionsOf(command);
      using pool = new ConnectionPool(connect, retry);
      await stat(run.reporter, pool, given.replace(/(?<=.)\/+$/, ""), version);
    });
}

/** Reports the details. Throws `RefusedError` `no-such-file`, `damaged`. */
async function stat(
  reporter: Reporter,
  pool: ConnectionPool,
  name: string,
  version: number | undefined,
): Promise<void> {
  const found = await pool.use(0, (client) => client.stat(name, version)).catch((error) => {
    if (error instanceof RefusedError && error.code === "no-such-file") return error;
    throw error;
  });
  if (found instanceof RefusedError && version !== undefined) throw hintVersions(found, name);
  if (found instanceof RefusedError || (found.entry === "folder" && version === undefined)) {
    return await reportFolder(reporter, pool, name, found);
  }
  const { entry, version: current } = found;
  const target = entry === "link"
    ? await pool.use(0, (client) => client.readLink(name, current))
    : undefined;
  reporter.report({ event: "file-details", ...entryEvent(found), version: current, target });
}

/** Counts what is in a folder. `own`: its entry, or the error that it has none. */
async function reportFolder(
  reporter: Reporter,
  pool: ConnectionPool,
  name: string,
  own: RemoteFile | RefusedError,
): Promise<void> {
  const totals = new EntryTotals();
  const damaged = new DamagedFiles();
  await pool.list(`${name}/`, ({ entry: kind, size }) => totals.add({ kind, size }), {
    takeDamaged(file) {
      totals.add({ kind: "file", size: 0 });
      damaged.add(file);
    },
  });
  if (totals.entries === 0 && own instanceof RefusedError) {
    throw await explainMissing(pool, name, own);
  }
  const { mode, changed, stored } = entryEvent(
    own instanceof RefusedError ? implicitFolder(name) : own,
  );
  const { counts, size } = totals;
  reporter.report({ event: "folder-details", name, mode, changed, stored, ...counts, size });
  damaged.throwIfAny();
}
