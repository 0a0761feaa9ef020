/**
 * The options of `xfer client put`, and what they ask for.
 *
 * @module
 */
import type { Command } from "commander";
import type { Quirk, TransferInfo } from "../../../client/mod.ts";
import { UsageError } from "../../../protocol/errors.ts";
import { fromPrintable } from "../../../protocol/printable.ts";
import { STANDARD_INPUT } from "../../../protocol/standard_input.ts";
import { readListFile } from "../../arguments/list_file.ts";
import type { Run } from "../../run.ts";
import type { CommonOptions } from "./connect.ts";
import type { StoredRecord } from "./stored_record.ts";
import {
  addAttributeOptions,
  addTransferOptions,
  type TransferChoice,
} from "./transfer_options.ts";

export interface PutChoice extends CommonOptions, TransferChoice {
  readonly as?: string;
  readonly quirk?: Quirk[];
  readonly filesFrom?: string;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly checksum?: boolean;
}

/** One upload, of one or more paths. */
export interface Put {
  readonly run: Run;
  readonly info: TransferInfo;
  readonly options: PutChoice;
  readonly files: readonly string[];
  /** Whether the paths come from `--files-from`, and keep their folders. */
  readonly keepsPaths: boolean;
  /** Whether the path comes from transfer.info, where it may be a link. */
  readonly followsNamed: boolean;
  readonly record: StoredRecord;
}

/** Adds the options to the command. */
export function addPutOptions(command: Command): Command {
  command
    .option("--as <name>", "name on the server; takes a single path", fromPrintable)
    .option(
      "--files-from <file>",
      "also upload the paths listed in this file; - for standard input",
    )
    .option("--checksum", "read every file to compare it, even if it seems unchanged")
    .option("--delete", "remove entries from the server that are not here")
    .option("--dry-run", "only print what would happen")
    .option("--yes", "delete more than half of a folder without asking");
  return addAttributeOptions(addTransferOptions(command));
}

/** The options that only protocol 4 has, as they are written. */
const PROTOCOL_4_ONLY: Readonly<Record<string, (choice: PutChoice) => boolean>> = {
  "--as": ({ as }) => as !== undefined,
  "--checksum": ({ checksum }) => checksum === true,
  "--exclude": ({ exclude }) => exclude !== undefined,
  "--exclude-from": ({ excludeFrom }) => excludeFrom !== undefined,
  "--limit-rate": ({ limitRate }) => limitRate !== undefined,
  "--parallel": ({ parallel }) => parallel !== undefined,
  "--delete": (choice) => choice.delete === true,
  "--dry-run": ({ dryRun }) => dryRun === true,
  "--no-links": ({ links }) => links === false,
  "--no-permissions": ({ permissions }) => permissions === false,
  "--no-times": ({ times }) => times === false,
};

/** The first of what was asked for that only protocol 4 can do: an option, or `-`. */
export function findV4Only({ options, files }: Pick<Put, "options" | "files">): string | undefined {
  if (files.includes(STANDARD_INPUT)) return "'put -'";
  return Object.entries(PROTOCOL_4_ONLY).find(([, isGiven]) => isGiven(options))?.[0];
}

/** Throws `UsageError` `conflicting-option`, `name-missing` for arguments that contradict each other. */
export function checkChoice(named: readonly string[], choice: PutChoice): void {
  const { as, filesFrom, delete: isMirror = false } = choice;
  if (named.includes(STANDARD_INPUT)) {
    if (named.length > 1 || filesFrom !== undefined || isMirror) {
      throw new UsageError("conflicting-option", "'put -' uploads only standard input", {
        hint: "Upload other files with another command.",
      });
    }
    if (as === undefined) {
      throw new UsageError("name-missing", "'put -' requires a name for standard input", {
        hint: "Add --as NAME.",
      });
    }
  }
  if (isMirror && filesFrom !== undefined) {
    throw new UsageError("conflicting-option", "--delete and --files-from exclude each other", {
      hint: "To remove what is missing in a folder, name the folder.",
    });
  }
}

/** The paths that are named or listed. Throws as `readListFile` does. */
export async function pathsOf(named: readonly string[], choice: PutChoice): Promise<string[]> {
  const { filesFrom, from0 } = choice;
  const listed = filesFrom === undefined ? [] : await readListFile(filesFrom, { nul: from0 });
  // In a list, `-` is a file of that name.
  return [...named, ...listed.map((path) => path === STANDARD_INPUT ? `./${path}` : path)];
}
