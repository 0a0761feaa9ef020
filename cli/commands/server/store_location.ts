/**
 * The options of commands that read a data folder or a backup.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { UsageError } from "../../../protocol/errors.ts";
import type { StoreLocation } from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";

interface ChosenLocation {
  readonly backup?: string;
  readonly state?: string;
}

/** Adds `--backup` and `--state`. `conflicts`: options that change a data folder. */
export function addLocation(command: Command, conflicts: string[] = []): Command {
  const backup = new Option("--backup <dir>", "read this backup, not the data folder");
  return command.addOption(backup.conflicts(conflicts)).addOption(stateOption());
}

export function stateOption(): Option {
  return new Option(
    "--state <name>",
    "state of the backup, see 'xfer server backup --list' (default: the newest)",
  );
}

/** The backup that was chosen, or the data folder. Throws as `readConfiguration` does. */
export async function locationOf(command: Command): Promise<StoreLocation> {
  const { backup, state } = command.opts<ChosenLocation>();
  if (backup !== undefined) return { backup, state };
  if (state === undefined) return await dataOf(command);
  throw new UsageError("state-without-backup", "--state needs a backup", {
    hint: "Add --backup DIR.",
  });
}
