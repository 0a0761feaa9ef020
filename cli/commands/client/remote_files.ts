/**
 * `xfer client list`, `stat`, `versions`, `remove` and `rename`.
 *
 * @module
 */
import type { Command } from "commander";
import {
  ConnectionPool,
  DamagedFiles,
  formatFingerprint,
  type RemoteFile,
  V4Client,
} from "../../../client/mod.ts";
import { fromPrintable, printable, shellWord } from "../../../protocol/printable.ts";
import { RefusedError, UnconfirmedError, UsageError, XferError } from "../../../protocol/errors.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import { parseName, parseNames } from "../../arguments/file_name.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import type { OptionsOf } from "./connect.ts";
import { example, plural } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";
import { splitNanoseconds } from "../../../protocol/nanoseconds.ts";

/** The argument of commands for one file. */
const REMOTE_NAME = "name of the file on the server";

/** Adds the commands below `client`. */
export function addRemoteFileCommands(client: Command, run: Run, optionsOf: OptionsOf): void {
  const openPool = async (command: Command) => {
    const { connect, retry } = await optionsOf(command);
    return new ConnectionPool(connect, retry);
  };
  const connect = async (command: Command) => {
    const { connect, retry } = await optionsOf(command);
    return await V4Client.connectWithRetries(connect, retry);
  };
  client.command("list").alias("ls")
    .description(`List your files on the server, sorted by name.\n\n${ESCAPES}`)
    .argument("[prefix]", "list only names that begin with this (default: all)", fromPrintable)
    .addHelpText("after", example("xfer client list", "xfer client list docs/"))
    .action(async (prefix: string | undefined, _: unknown, command: Command) => {
      using pool = await openPool(command);
      await reportAll(
        run.reporter,
        "file",
        (take, takeDamaged) => pool.list(prefix ?? "", take, { takeDamaged }),
      );
    });
  client.command("stat")
    .description("Show the size, dates and checksums of a file on the server.")
    .argument("<name>", REMOTE_NAME, parseName)
    .option("--version <number>", "show an older version", parseVersion)
    .addHelpText("after", example("xfer client stat docs/report.pdf"))
    .action(async (name: string, { version }: { version?: number }, command: Command) => {
      using pool = await openPool(command);
      const file = await pool.use(0, (client) => client.stat(name, version)).catch((error) => {
        const isMissing = error instanceof RefusedError && error.code === "no-such-file";
        throw isMissing && version !== undefined ? hintVersions(error, name) : error;
      });
      report(run.reporter, "file-details", file);
    });
  client.command("versions")
    .description(`List the stored versions of a file, newest first.\n\n${HOW_MANY}`)
    .argument("<name>", REMOTE_NAME, parseName)
    .addHelpText("after", example("xfer client versions report.pdf"))
    .action(async (name: string, _: unknown, command: Command) => {
      using pool = await openPool(command);
      await reportAll(run.reporter, "version", (...take) => pool.versions(name, ...take));
    });
  client.command("remove").alias("rm")
    .description(
      "Delete files from the server.\n\nDeletes all of their versions, too. This cannot be undone.",
    )
    .argument("<name...>", "names of files on the server", parseNames)
    .addHelpText("after", example("xfer client remove docs/old.pdf"))
    .action(async (names: string[], _: unknown, command: Command) => {
      using connection = await connect(command);
      const remove = async (name: string) => void await connection.remove(name);
      run.finish(await removeEach(run.reporter, new Set(names), remove));
    });
  client.command("rename").alias("mv")
    .description("Rename a file on the server.\n\nFails if the new name is taken.")
    .argument("<name>", REMOTE_NAME, parseName)
    .argument("<new-name>", "new name of the file", parseName)
    .addHelpText("after", example("xfer client rename report.pdf docs/report.pdf"))
    .action(async (from: string, to: string, _: unknown, command: Command) => {
      if (from === to) throw sameName(from);
      using connection = await connect(command);
      await connection.rename(from, to);
      run.reporter.report({ event: "renamed", from, to });
    });
}

const ESCAPES = `\
Invisible characters are printed as \\u{…}. All commands take names in that form, too, in quotes, as
in xfer client get 'a\\u{200b}b.txt'.`;

const HOW_MANY = `\
The server's operator decides how many versions are kept. To download one, run 'xfer client get NAME
--version NUMBER'. To make it the current version again, upload it.`;

/** Adds a hint about the versions that exist. */
export function hintVersions(error: XferError, name: string): XferError {
  const hint = `Run 'xfer client versions ${shellWord(name)}' to see the stored versions.`;
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

/**
 * Reports files as they arrive, then their total, or that the list is incomplete. Throws `DamagedError` at the end if any
 * are damaged.
 */
async function reportAll(
  reporter: Reporter,
  event: "file" | "version",
  list: (
    take: (file: RemoteFile) => void,
    takeDamaged: (file: Pick<RemoteFile, "name" | "version">) => void,
  ) => Promise<void>,
): Promise<void> {
  const damaged = new DamagedFiles();
  let [listed, bytes] = [0, 0];
  try {
    await list((file) => {
      report(reporter, event, file);
      listed++;
      bytes += file.size;
    }, (file) => {
      const { name, version } = file;
      reporter.report({ event: "file-damaged", name, version });
      damaged.add(file);
      listed++;
    });
  } catch (error) {
    if (listed > 0) reporter.report({ event: "list-incomplete", listed });
    throw error;
  }
  reporter.remark(({ size }) =>
    listed === 0 ? `No ${event}s` : `${plural(listed, event)} (${size(bytes)})`
  );
  damaged.throwIfAny();
}

function sameName(name: string): UsageError {
  return new UsageError("same-name", `the file is already named ${printable(name)}`, {
    hint: "Choose a different new name.",
  });
}

function report(
  reporter: Reporter,
  event: "file" | "version" | "file-details",
  file: RemoteFile,
): void {
  const { name, version, size, mtime, storedAt, cksum, digest } = file;
  reporter.report({
    ...{ event, name, version, size },
    ...{ changed: isoTime(splitNanoseconds(mtime).ms), stored: isoTime(storedAt), cksum },
    sha256tree: formatFingerprint(digest).replace("SHA256:", ""),
  });
}

/** Deletes one after another; a refusal does not stop the next. Returns the exit code. */
async function removeEach(
  reporter: Reporter,
  names: ReadonlySet<string>,
  remove: (name: string) => Promise<void>,
): Promise<number> {
  reporter.expectFiles(names.size);
  const failures: XferError[] = [];
  let done = 0;
  let end: XferError | undefined;
  for (const name of names) {
    try {
      if (end !== undefined) throw end;
      await remove(name);
      done++;
      reporter.report({ event: "removed", name });
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      const tried = error instanceof UnconfirmedError ? "unknown" : "not-removed";
      const state = error === end ? "not-tried" : tried;
      reporter.reportFailure(error, { event: "not-removed", name, state, code: error.code });
      failures.push(error);
      if (error.category !== "refused") end = error;
    }
  }
  reporter.report({ event: "summary", action: "remove", done, failed: failures.length });
  return exitCodeOfAll(done, failures);
}
