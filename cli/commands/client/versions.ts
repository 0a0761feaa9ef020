/**
 * `xfer client versions`.
 *
 * @module
 */
import type { Command } from "commander";
import { ConnectionPool, DamagedFiles, type RemoteFile } from "../../../client/mod.ts";
import { RefusedError, type XferError } from "../../../protocol/errors.ts";
import { shellNames } from "../../../protocol/printable.ts";
import { parseName } from "../../arguments/file_name.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { example, plural } from "../../text/format.ts";
import type { OptionsOf } from "./connect.ts";
import { entryEvent } from "./entry_event.ts";
import { explainMissing } from "./explain_missing.ts";

export function addVersionsCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("versions")
    .description(`List the versions of a file, newest first.\n\n${NOTES}`)
    .argument("<name>", "name of the file on the server", parseName)
    .addHelpText("after", example("xfer client versions report.pdf"))
    .action(async (name: string, _: unknown, command: Command) => {
      const { connect, retry } = await optionsOf(command);
      using pool = new ConnectionPool(connect, retry);
      await reportVersions(run.reporter, pool, name).catch(async (error) => {
        const ifFolder = "To see what is in the folder, run " +
          `'xfer client list ${shellNames(name)}'.`;
        throw await explainMissing(pool, name, error, { ifFolder });
      });
    });
}

const NOTES = `\
The server keeps replaced and removed versions for a while, as long as there is room. Restore one
with 'xfer client restore NAME --version NUMBER', or download it with 'xfer client get NAME
--version NUMBER'.`;

/** Adds a hint about the versions that exist. */
export function hintVersions(error: XferError, name: string): XferError {
  const hint = `To see the stored versions, run 'xfer client versions ${shellNames(name)}'.`;
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

async function reportVersions(
  reporter: Reporter,
  pool: ConnectionPool,
  name: string,
): Promise<void> {
  const damaged = new DamagedFiles();
  let [listed, bytes] = [0, 0];
  let newer: RemoteFile | undefined;
  const take = (file: RemoteFile) => {
    // A version ends when the next one is stored, unless it was removed before.
    const isReplaced = newer !== undefined && newer.storedAt <= file.endedAt;
    const end = file.endedAt === 0 ? undefined : isReplaced ? "replaced" : "removed";
    const { version } = file;
    reporter.report({ event: "version", ...entryEvent(file), version, end });
    newer = file;
    listed++;
    bytes += file.size;
  };
  try {
    await pool.versions(name, take, (file) => {
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
    listed === 0 ? "No versions" : `${plural(listed, "version")} (${size(bytes)})`
  );
  damaged.throwIfAny();
}
