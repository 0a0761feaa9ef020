/**
 * Checks of the target of a copy. It must be outside the source. That of a restore must be new or empty, that of a
 * backup can also be a backup.
 *
 * @module
 */
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import {
  BACKUP_CATALOG,
  BACKUP_STATES,
  CATALOG,
  DATA_LOCK,
} from "../../../protocol/server_files.ts";
import { checkKinds } from "../../data_folder/permissions.ts";
import { isThere, namesIn } from "../../fs/file_system.ts";

/** The topmost folder that must be created for a missing folder. */
export async function firstMissing(folder: string): Promise<string> {
  const above = dirname(folder);
  if (above === folder || await isThere(Deno, above)) return folder;
  return await firstMissing(above);
}

/** Throws `ConfigurationError` `target-in-source` if the target is inside the source, after following links. */
export async function refuseInside(source: string, target: string): Promise<void> {
  const [from, to] = [await Deno.realPath(source), await realPathOf(target)];
  const way = relative(from, to);
  if (isAbsolute(way) || way.split(sep)[0] === "..") return;
  throw new ConfigurationError(
    "target-in-source",
    `cannot copy to ${printable(target)}: it is inside ${printable(source)}`,
    { hint: "Choose a folder outside, ideally on another disk." },
  );
}

/** The real path of a folder, or the one that it would have. */
async function realPathOf(folder: string): Promise<string> {
  const above = dirname(folder);
  if (above === folder || await isThere(Deno, folder)) return await Deno.realPath(folder);
  return join(await realPathOf(above), basename(folder));
}

/**
 * Whether a folder exists. Throws `ConfigurationError` `target-not-empty` if it contains anything, and
 * `target-no-folder`.
 */
export async function isEmptyFolder(target: string): Promise<boolean> {
  const names = await namesInTarget(target);
  const [name] = names ?? [];
  if (name !== undefined) throw notEmpty(target, name, "Choose a new or empty folder.");
  return names !== undefined;
}

/**
 * Checks that a folder is missing, empty or a backup. A backup may contain other files too. Throws `ConfigurationError`
 * `target-not-empty`, `target-no-folder`, and an error for a backup in which something else stands for a file.
 */
export async function refuseForeignFiles(target: string): Promise<void> {
  const names = await namesInTarget(target) ?? [];
  // A data folder that has lost its catalog has only the lock.
  const isBackup = names.includes(BACKUP_CATALOG) ||
    names.includes(DATA_LOCK) && names.includes(BACKUP_STATES);
  const foreign = names.find((name) =>
    name === CATALOG || (!isBackup && !name.startsWith(DATA_LOCK))
  );
  if (foreign !== undefined) {
    throw notEmpty(target, foreign, "Choose a new or empty folder, or one with a backup.");
  }
  if (isBackup) await checkKinds({ kind: "backup", path: target });
}

function notEmpty(target: string, name: string, hint: string): ConfigurationError {
  return new ConfigurationError(
    "target-not-empty",
    `cannot copy to ${printable(target)}: it is not empty, it contains ${printable(name)}`,
    { hint },
  );
}

/** The names in the target; `undefined` if it is missing. */
async function namesInTarget(target: string): Promise<string[] | undefined> {
  try {
    return await namesIn(target);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new ConfigurationError(
      "target-no-folder",
      `cannot copy to ${printable(target)}: it is a file, or inside one`,
      { hint: "Choose a new or empty folder.", cause: error },
    );
  }
}
