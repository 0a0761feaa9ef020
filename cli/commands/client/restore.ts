/**
 * `xfer client restore`.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { ConnectionPool, expandName, listEntries, type RemoteFile } from "../../../client/mod.ts";
import { RefusedError, UsageError, type XferError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { parseNames } from "../../arguments/file_name.ts";
import { parsePastTime } from "../../arguments/past_time.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { changeEach, type FailedName, reportUnchanged } from "./change_each.ts";
import type { OptionsOf } from "./connect.ts";
import type { Amounts } from "./count_entries.ts";
import { hintVersions } from "./versions.ts";

interface RestoreChoice {
  readonly version?: number;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly dryRun?: boolean;
}

export function addRestoreCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("restore")
    .description(`Restore removed files and earlier versions.\n\n${NOTES}`)
    .argument("<name...>", "names on the server, or patterns of removed names", parseNames)
    .option(
      "--version <number>",
      "restore this version of a file (default: the latest)",
      parseVersion,
    )
    .addOption(
      new Option(
        "--since <time>",
        "in a folder, restore only what was removed in the last 2h or 7d, or since a date",
      )
        .argParser((text) => parsePastTime(text)).conflicts("version"),
    )
    .option("--dry-run", "only print what would be restored")
    .addHelpText("after", HELP)
    .action(async (names: string[], options: RestoreChoice, command: Command) => {
      if (options.version !== undefined && names.length > 1) throw oneName();
      const { connect, retry } = await optionsOf(command);
      using pool = new ConnectionPool(connect, retry);
      run.finish(await restore(run, pool, names, options));
    });
}

const NOTES = `\
A removed file gets its last content. An existing file gets its previous content, and the
replaced content becomes a version. In a folder, everything that was removed from it is restored.`;

const HELP = example(
  "xfer client restore report.pdf",
  "xfer client restore report.pdf --version 3",
  "xfer client restore photos --since 2h",
);

function oneName(): UsageError {
  return new UsageError("one-name", "--version takes exactly one name", {
    hint: "Restore the files one by one, each with its own --version.",
  });
}

/** Returns the exit code. */
async function restore(
  run: Run,
  pool: ConnectionPool,
  given: readonly string[],
  options: RestoreChoice,
): Promise<number> {
  const { version = 0, since = 0, dryRun = false } = options;
  const names = new Set<string>();
  const failed: FailedName[] = [];
  const explain = (name: string, error: XferError) =>
    error.code !== "no-such-file"
      ? error
      : version > 0
      ? hintVersions(error, name)
      : nothingToRestore(name);
  for (const text of given) {
    try {
      const expanded = await expandName(pool, text, { withFolders: true, isRemoved: true });
      for (const { name } of expanded) names.add(name);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      failed.push({ name: text, error });
    }
  }
  if (dryRun) return await printRestorable(run, pool, names, { failed, explain, version, since });
  return await changeEach(run.reporter, pool, {
    action: "restore",
    names: [...names],
    failed,
    change: (client, name) => client.restore(name, { version, since }),
    explain: (name, error) => Promise.resolve(explain(name, error)),
    onChanged: (name, { entries, bytes: size }) =>
      run.reporter.report({ event: "restored", name, entries, size }),
  });
}

interface DryRun extends Required<Pick<RestoreChoice, "version" | "since">> {
  readonly failed: readonly FailedName[];
  readonly explain: (name: string, error: XferError) => XferError;
}

/** Reports what would be restored. Returns the exit code. */
async function printRestorable(
  { reporter }: Run,
  pool: ConnectionPool,
  names: ReadonlySet<string>,
  { failed, explain, version, since }: DryRun,
): Promise<number> {
  const failures = [...failed];
  let done = 0;
  for (const name of names) {
    try {
      const { entries, size } = await countRestorable(pool, name, version, since);
      done++;
      reporter.report({
        ...{ event: "would", action: "restore", place: "server", name, size },
        ...entries === 1 ? {} : { entries },
      });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      failures.push({ name, error: explain(name, error) });
    }
  }
  for (const failure of failures) reportUnchanged(reporter, "restore", failure);
  return exitCodeOfAll(done, failures.map(({ error }) => error));
}

/** Counts what the server would restore. Throws `RefusedError` `no-such-file`. */
async function countRestorable(
  pool: ConnectionPool,
  name: string,
  version: number,
  since: number,
): Promise<Amounts> {
  let [entries, size] = [0, 0];
  const add = (file: RemoteFile) => {
    entries++;
    size += file.size;
  };
  const takeDamaged = () => void entries++;
  if (version > 0) add(await pool.use(0, (client) => client.stat(name, version)));
  else if (await isFile(pool, name)) {
    const isPrevious = ({ endedAt }: RemoteFile) => endedAt > 0 && entries === 0;
    await pool.versions(name, (file) => isPrevious(file) && add(file), takeDamaged);
  } else {
    await listEntries(pool, name, { isRemoved: true }, {
      take: (file) => file.endedAt >= since && add(file),
      takeDamaged,
    });
  }
  if (entries > 0) return { entries, size };
  throw nothingToRestore(name);
}

function nothingToRestore(name: string): RefusedError {
  return new RefusedError("no-such-file", `${printable(name)} has no earlier version to restore`, {
    hint: "To see removed files, run 'xfer client list --removed'.",
  });
}

/** Whether a name is that of a file or link. */
async function isFile(pool: ConnectionPool, name: string): Promise<boolean> {
  try {
    return (await pool.use(0, (client) => client.stat(name))).entry !== "folder";
  } catch (error) {
    if (error instanceof RefusedError) return error.code === "damaged";
    throw error;
  }
}
