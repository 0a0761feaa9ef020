/**
 * Backs up everything that a server keeps. Each backup into a folder adds a state, and copies only contents that the folder
 * lacks.
 *
 * A state appears by one rename, after all of its contents are durable. Leftovers of a killed backup are used or deleted
 * by the next one.
 *
 * @module
 */
import { join, resolve } from "node:path";
import type { Abortable } from "../../../protocol/abort.ts";
import { equalBytes } from "../../../protocol/bytes.ts";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { BACKUP_CATALOG, TLS_FILE } from "../../../protocol/server_files.ts";
import { type BackupState, listStates, newStateName } from "../../data_folder/backup_states.ts";
import { type InUse, lockFolder } from "../../data_folder/folder_lock.ts";
import { ReferencedBlobs } from "../../data_folder/referenced_blobs.ts";
import { recordFound, type ServerLocation } from "../../stores/with_store.ts";
import { createOwnFolder, type FileSystem } from "../../fs/file_system.ts";
import { type ComparedCopyReport, copyStore, explainingCopy } from "./copy_store.ts";
import { type CopySource, readKey, type StoreAccess, withCopySource } from "./copy_source.ts";
import { addState, removeLeftovers, removeState } from "./state_folders.ts";
import { removeUnneeded } from "./unneeded_contents.ts";
import { refuseForeignFiles, refuseInside } from "./target_folder.ts";

/** Options of a backup. */
export interface BackupOptions extends Abortable {
  /** The number of states of this server to keep, from 1; all by default. */
  readonly keep?: number | undefined;
  /** The current time in milliseconds since the epoch; `Date.now` by default. */
  readonly clock?: () => number;
  /** The file system of both folders; `Deno` by default. */
  readonly fileSystem?: FileSystem;
  /** @internal */
  readonly access?: StoreAccess;
}

/** The result of a backup. */
export interface BackupReport extends ComparedCopyReport {
  /** The name of the new state. */
  readonly state: string;
  /** The names of the states that were deleted. */
  readonly removed: readonly string[];
}

/**
 * Adds a state of a data folder, or of a database and an object store, to `target`, a backup or a new or empty folder:
 * catalog and files as they are at one moment, while servers keep running. Then deletes the oldest states of the
 * same server if `keep` is exceeded, unless the new state lacks damaged files. An interrupted backup adds no state; the next one continues it.
 * Throws `ConfigurationError` `no-data-folder`, `target-not-empty`, `target-no-folder`, `target-in-source`,
 * `backup-in-use`; `StorageError` `cannot-copy`, `store-too-busy`; `IntegrityError` `catalog-damaged`.
 */
export async function backup(
  dataFolder: ServerLocation,
  target: string,
  options: BackupOptions = {},
): Promise<BackupReport> {
  const { fileSystem: fs = Deno, access = {} } = options;
  const path = resolve(target);
  return await withCopySource(dataFolder, fs, access, async (source) => {
    const report = await explainingCopy(
      ...[source, path] as const,
      () => copyAndPrune(source, path, fs, options),
    );
    // A read-only folder can be backed up too.
    await recordFound(dataFolder, report.damaged, access.openers).catch(() => undefined);
    return report;
  });
}

async function copyAndPrune(
  source: CopySource,
  target: string,
  fs: FileSystem,
  { keep = Infinity, clock = Date.now, signal }: BackupOptions,
): Promise<BackupReport> {
  await refuseForeignFiles(target);
  if (source.folder !== undefined) await refuseInside(source.folder, target);
  await createOwnFolder(fs, target);
  using _lock = await lockFolder(target, inUse(target));
  await removeLeftovers(target, fs);
  const before = await listStates(target);
  const state = newStateName(clock(), before);
  const report = await comparedWith(
    before.at(-1),
    (known) =>
      addState(
        target,
        state,
        fs,
        (folder) =>
          copyStore({ source, target, folder, catalogName: BACKUP_CATALOG, fs, signal, known }),
      ),
  );
  const isComplete = report.damaged.length === 0;
  const own = isComplete ? await statesOfServer(source, before) : [];
  const surplus = own.slice(0, Math.max(0, own.length + 1 - keep));
  for (const one of surplus) await removeState(target, one, fs);
  await removeUnneeded(target, fs);
  return { ...report, state, removed: surplus.map(({ name }) => name) };
}

/**
 * The states of the server that is backed up, by its key. Those of another server stay: the data folder may be a new one
 * in the place of a disk that is not mounted.
 */
async function statesOfServer(
  source: CopySource,
  states: readonly BackupState[],
): Promise<BackupState[]> {
  const key = await source.readIdentity();
  const found: BackupState[] = [];
  for (const state of states) {
    const other = await readKey(join(state.folder, TLS_FILE));
    const isSame = key === undefined || other === undefined
      ? key === other
      : equalBytes(key, other);
    if (isSame) found.push(state);
  }
  return found;
}

/** Makes a copy while the catalog of the previous state is open. */
async function comparedWith<T>(
  previous: BackupState | undefined,
  copy: (known: ReferencedBlobs | undefined) => Promise<T>,
): Promise<T> {
  using known = previous && new ReferencedBlobs(previous);
  return await copy(known);
}

function inUse(target: string): InUse {
  return (by, cause) =>
    new ConfigurationError(
      "backup-in-use",
      `another backup is being written to ${printable(target)} by ${by}`,
      { hint: "Wait until it has ended, or choose another folder.", cause },
    );
}
