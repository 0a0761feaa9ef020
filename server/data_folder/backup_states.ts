/**
 * The states of a backup. Each is a folder `states/<time>/` with a catalog and the server's key. All share the contents
 * in `files/`. A backup made by xfer before 0.2.0 has one state more, beside `files/`.
 *
 * @module
 */
import { join } from "node:path";
import { ConfigurationError, StorageError, UsageError } from "../../protocol/errors.ts";
import { printable, shellWord } from "../../protocol/printable.ts";
import { BACKUP_CATALOG, BACKUP_STATES } from "../../protocol/server_files.ts";
import { entriesIn, isThere } from "../fs/file_system.ts";
import { checkKinds } from "./permissions.ts";

/** A state of a backup. */
export interface BackupState {
  /** The moment when it was made, such as `2026-11-29T12-36-26Z`. */
  readonly name: string;
  /** The same in milliseconds since the epoch. */
  readonly time: number;
  /** The path of the folder with its catalog and the server's key. */
  readonly folder: string;
}

/** A time without characters that some file systems refuse. Names sort by time. */
const NAME = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z$/;
const SECOND_MS = 1000;
/** The most milliseconds by which names can be ahead of the clock, if backups are made in quick succession. */
const MAX_AHEAD_MS = 60 * SECOND_MS;

/**
 * The states of a backup, oldest first; none if the folder is not a backup. Throws an error if something else stands in
 * the place of a file of the backup.
 */
export async function listStates(folder: string): Promise<BackupState[]> {
  const states: BackupState[] = [];
  if (await isThere(Deno, folder)) await checkKinds({ kind: "backup", path: folder });
  const own = await timeOf(folder);
  if (own !== undefined) states.push({ ...whole(own), folder });
  const all = join(folder, BACKUP_STATES);
  for (const { name, isDirectory } of await entriesIn(all) ?? []) {
    const time = isDirectory ? timeIn(name) : undefined;
    const path = join(all, name);
    if (time !== undefined && await timeOf(path) !== undefined) {
      states.push({ name, time, folder: path });
    }
  }
  return states.sort((a, b) => a.time - b.time);
}

/**
 * The newest state of a backup, or the one of a name. Throws `ConfigurationError` `no-backup`, `UsageError`
 * `no-such-state`.
 */
export async function findState(folder: string, name?: string): Promise<BackupState> {
  const states = await listStates(folder);
  const newest = states.at(-1);
  if (newest === undefined) {
    throw noBackup(folder, await isThere(Deno, folder) ? "it has no state" : "it does not exist");
  }
  const found = name === undefined ? newest : states.find((state) => state.name === name);
  if (found !== undefined) return found;
  throw new UsageError(
    "no-such-state",
    `the backup ${printable(folder)} has no state ${printable(name ?? "")}`,
    { hint: `To see its states, run 'xfer server backup ${shellWord(folder)} --list'.` },
  );
}

/** The error for a folder that is not a backup, or an incomplete one. */
export function noBackup(folder: string, reason: string): ConfigurationError {
  return new ConfigurationError(
    "no-backup",
    `${printable(folder)} is not a complete backup: ${reason}`,
    { hint: "Choose a folder with a completed backup." },
  );
}

/** Throws `StorageError` `state-removed` if a state no longer exists: a backup with `--keep` deletes old ones. */
export async function refuseRemoved(backup: string, { folder, name }: BackupState): Promise<void> {
  if (await timeOf(folder) !== undefined) return;
  throw new StorageError(
    "state-removed",
    `the state ${name} of ${printable(backup)} was deleted while it was read`,
    { hint: "Choose a newer state." },
  );
}

/**
 * The name of a state made now, which no other has. Of several in one second, later ones are named after later seconds.
 */
export function newStateName(now: number, states: readonly BackupState[]): string {
  const newest = states.at(-1)?.time ?? 0;
  // Further ahead, the clock was set back.
  let time = newest > now - SECOND_MS && newest < now + MAX_AHEAD_MS ? newest + SECOND_MS : now;
  while (states.some(({ name }) => name === whole(time).name)) time += SECOND_MS;
  return whole(time).name;
}

/** A time in whole seconds, and its name. */
function whole(time: number): { readonly name: string; readonly time: number } {
  const seconds = Math.floor(time / SECOND_MS) * SECOND_MS;
  return {
    name: new Date(seconds).toISOString().replace(/\.\d+Z$/, "Z").replaceAll(":", "-"),
    time: seconds,
  };
}

function timeIn(name: string): number | undefined {
  const time = Date.parse(name.replace(NAME, "$1T$2:$3:$4Z"));
  return NAME.test(name) && !Number.isNaN(time) ? time : undefined;
}

/** The time at which the catalog in a folder was completed; `undefined` if it has none. */
async function timeOf(folder: string): Promise<number | undefined> {
  try {
    return (await Deno.lstat(join(folder, BACKUP_CATALOG))).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
