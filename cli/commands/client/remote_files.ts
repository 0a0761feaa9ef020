/**
 * `xfer client list`, `stat`, `versions`, `remove` and `rename`: what is on the server.
 *
 * @module
 */
import type { Command } from "commander";
import {
  ConnectionPool,
  DamagedFiles,
  formatFingerprint,
  type RemoteFile,
  type TakeDamaged,
  type TakeFile,
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
import { example, isoTime } from "../../text/format.ts";

/** The argument of commands that are about one file on the server. */
const REMOTE_NAME = "the name of the file on the server";

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
  client.command("list")
    .description("Print your files on the server, by name (protocol 4).")
    .argument("[prefix]", "how their names begin; without, all", fromPrintable)
    .addHelpText("after", example("xfer client list docs/") + AS_PRINTED)
    .action(async (prefix: string | undefined, _: unknown, command: Command) => {
      using pool = await openPool(command);
      await reportAll(
        run.reporter,
        "file",
        (take, takeDamaged) => pool.list(prefix ?? "", take, undefined, takeDamaged),
      );
    });
  client.command("stat")
    .description("Print what the server knows of a file (protocol 4).")
    .argument("<name>", REMOTE_NAME, parseName)
    .option("--version <number>", "of an older one: see xfer client versions", parseVersion)
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
    .description("Print what the server keeps under a name, newest first (protocol 4).")
    .argument("<name>", REMOTE_NAME, parseName)
    .addHelpText("after", example("xfer client versions report.pdf") + HOW_MANY)
    .action(async (name: string, _: unknown, command: Command) => {
      using pool = await openPool(command);
      await reportAll(run.reporter, "version", (...take) => pool.versions(name, ...take));
    });
  client.command("remove")
    .description("Remove files from the server with their versions, for good (protocol 4).")
    .argument("<name...>", "the names of the files on the server", parseNames)
    .addHelpText("after", example("xfer client remove docs/old.pdf"))
    .action(async (names: string[], _: unknown, command: Command) => {
      using connection = await connect(command);
      const remove = (name: string) => connection.remove(name);
      run.finish(await removeEach(run.reporter, new Set(names), remove));
    });
  client.command("rename")
    .description("Give a file on the server another name, one that is free (protocol 4).")
    .argument("<name>", REMOTE_NAME, parseName)
    .argument("<new-name>", "its name from now on", parseName)
    .addHelpText("after", example("xfer client rename report.pdf docs/report.pdf"))
    .action(async (from: string, to: string, _: unknown, command: Command) => {
      if (from === to) throw sameName(from);
      using connection = await connect(command);
      await connection.rename(from, to);
      run.reporter.report({ event: "renamed", from, to });
    });
}

const AS_PRINTED = `

Invisible characters are printed as \\u{…}. Every command takes a name as it is printed; put
it in quotes: xfer client get 'a\\u{200b}b.txt'.`;

const HOW_MANY = `

How many are kept the server's operator decides.
To get one back: xfer client get NAME --version NUMBER.`;

/** What is said where a version is asked for that there is not. */
export function hintVersions(error: XferError, name: string): XferError {
  const hint = `See which there are: xfer client versions ${shellWord(name)}.`;
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

/**
 * Reports files as they arrive, and says so if the list is incomplete. Throws `DamagedError` at the end if any are
 * damaged.
 */
async function reportAll(
  reporter: Reporter,
  event: "file" | "version",
  list: (take: TakeFile, takeDamaged: TakeDamaged) => Promise<void>,
): Promise<void> {
  const damaged = new DamagedFiles();
  let listed = 0;
  try {
    await list((file) => {
      report(reporter, event, file);
      listed++;
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
  damaged.throwIfAny();
}

function sameName(name: string): UsageError {
  return new UsageError("same-name", `${printable(name)} is its name already`, {
    hint: "There is nothing to be done. Give it a name that is another one.",
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
    ...{ changed: isoTime(mtime), stored: isoTime(storedAt), cksum },
    sha256tree: formatFingerprint(digest).replace("SHA256:", ""),
  });
}

/** Removes one after another, each once; what the server refuses does not hold up the next. Returns the exit code. */
async function removeEach(
  reporter: Reporter,
  names: ReadonlySet<string>,
  remove: (name: string) => Promise<void>,
): Promise<number> {
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
      reporter.reportError(error);
      const tried = error instanceof UnconfirmedError ? "unknown" : "not-removed";
      const state = error === end ? "not-tried" : tried;
      reporter.report({ event: "not-removed", name, state, code: error.code });
      failures.push(error);
      if (error.category !== "refused") end = error;
    }
  }
  reporter.report({ event: "summary", action: "remove", done, failed: failures.length });
  return exitCodeOfAll(done, failures);
}
