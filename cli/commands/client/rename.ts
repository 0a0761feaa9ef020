/**
 * `xfer client rename`.
 *
 * @module
 */
import type { Command } from "commander";
import { ConnectionPool } from "../../../client/mod.ts";
import { RefusedError, UsageError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { parseName } from "../../arguments/file_name.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import type { OptionsOf } from "./connect.ts";
import { countEntries } from "./count_entries.ts";
import { explainMissing } from "./explain_missing.ts";

export function addRenameCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("rename").alias("mv")
    .description(`Rename a file or folder on the server.\n\n${NOTES}`)
    .argument("<name>", "name on the server", parseName)
    .argument("<new-name>", "new name", parseName)
    .option("--dry-run", "only print what would be renamed")
    .addHelpText(
      "after",
      example(
        "xfer client rename report.pdf docs/report.pdf",
        "xfer client rename photos pictures",
      ),
    )
    .action(
      async (from: string, to: string, { dryRun = false }: RenameChoice, command: Command) => {
        if (from === to) throw sameName(from);
        const { connect, retry } = await optionsOf(command);
        using pool = new ConnectionPool(connect, retry);
        const rename = dryRun ? tryRename : renameEntry;
        await rename(run, pool, from, to).catch(async (error) => {
          throw await explainMissing(pool, from, error);
        });
      },
    );
}

interface RenameChoice {
  readonly dryRun?: boolean;
}

const NOTES = `\
The new name must be free. A folder is renamed with everything in it. Old versions get the
new name, too.`;

async function renameEntry(run: Run, pool: ConnectionPool, from: string, to: string) {
  const { entries, bytes: size } = await (await pool.connected()).rename(from, to);
  run.reporter.report({ event: "renamed", from, to, entries, size });
}

/** Throws what a renaming would be refused for. */
async function tryRename(run: Run, pool: ConnectionPool, name: string, to: string) {
  const { entries, size } = await countEntries(pool, name);
  const taken = await countEntries(pool, to).catch((error) => {
    if (error instanceof RefusedError && error.code === "no-such-file") return undefined;
    throw error;
  });
  if (taken !== undefined) {
    throw new RefusedError("file-exists", `${printable(to)} already exists`, {
      hint: "Choose another name, or remove the existing one with 'xfer client remove'.",
    });
  }
  run.reporter.report({
    event: "would",
    action: "rename",
    place: "server",
    name,
    to,
    entries,
    size,
  });
}

function sameName(name: string): UsageError {
  return new UsageError("same-name", `the file is already named ${printable(name)}`, {
    hint: "Choose a different new name.",
  });
}
