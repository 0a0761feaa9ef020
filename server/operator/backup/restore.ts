/**
 * Creates a data folder from a state of a backup.
 *
 * The catalog gets its name last. Without it, a folder is not a data folder.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import type { Abortable } from "../../../protocol/abort.ts";
import { FILES } from "../../blobs/disk/paths.ts";
import { CATALOG, type DataFolder, TLS_FILE } from "../../data_folder/data_folder.ts";
import { withBackup } from "../../data_folder/with_data_folder.ts";
import { createOwnFolder, type FileSystem, isThere, syncFolder } from "../../fs/file_system.ts";
import { type CopyReport, copyStore, explainingCopy } from "./copy_store.ts";
import { firstMissing, isEmptyFolder, refuseInside } from "./target_folder.ts";

/** The name of the catalog until it is complete. */
const PARTIAL = "partial.db";

/** Options of a restore. */
export interface RestoreOptions extends Abortable {
  /** The name of the state to restore; the newest by default. */
  readonly state?: string | undefined;
  /**
   * Called after copying, if the backup lacks the server's identity, with the number of accounts of protocol 4: their
   * clients will refuse the restored server.
   */
  readonly onNoIdentity?: (accounts: number) => void;
  /** The file system of both folders; `Deno` by default. */
  readonly fileSystem?: FileSystem;
}

/**
 * Creates a data folder, a new or empty folder, from a backup. An interrupted restore leaves nothing. Throws
 * `ConfigurationError` `no-backup`, `target-not-empty`, `target-no-folder`, `target-in-source`; `UsageError`
 * `no-such-state`; `StorageError` `cannot-copy`, `state-removed`; `IntegrityError` `catalog-damaged`.
 */
export function restore(
  backupFolder: string,
  dataFolder: string,
  { state, onNoIdentity, ...options }: RestoreOptions = {},
): Promise<CopyReport> {
  const { fileSystem: fs = Deno } = options;
  return withBackup({ backup: backupFolder, state }, fs, async (source) => {
    const target = resolve(dataFolder);
    const report = await explainingCopy(source, target, () => copyTo(target, source, options));
    if (onNoIdentity !== undefined && !(await isThere(fs, join(target, TLS_FILE)))) {
      const accounts = (await source.catalog.accounts.list())
        .filter(({ protocol, keys }) => protocol === 4 && keys > 0).length;
      if (accounts > 0) onNoIdentity(accounts);
    }
    return report;
  });
}

async function copyTo(
  target: string,
  source: DataFolder,
  { fileSystem: fs = Deno, signal }: RestoreOptions,
): Promise<CopyReport> {
  const made = await isEmptyFolder(target) ? undefined : await firstMissing(target);
  await refuseInside(source.path, target);
  try {
    await createOwnFolder(fs, target);
    const copying = { source, target, folder: target, catalogName: PARTIAL, fs, signal };
    const { files, bytes, damaged } = await copyStore(copying);
    await source.refuseRemoved();
    await fs.rename(join(target, PARTIAL), join(target, CATALOG));
    await syncFolder(fs, target);
    return { files, bytes, damaged };
  } catch (error) {
    await removeBegun(target, made);
    throw error;
  }
}

/**
 * Removes an incomplete copy as far as possible, its catalog first. The target was new or empty. Parent folders are
 * removed only if the copy created them.
 */
async function removeBegun(target: string, made: string | undefined): Promise<void> {
  try {
    const names = await Array.fromAsync(Deno.readDir(target), ({ name }) => name);
    const catalogs = names.filter((name) => name === CATALOG || name.startsWith(PARTIAL));
    for (const begun of [...catalogs, FILES, TLS_FILE]) {
      if (names.includes(begun)) await Deno.remove(join(target, begun), { recursive: true });
    }
    for (let folder = target; made !== undefined; folder = dirname(folder)) {
      await Deno.remove(folder);
      if (folder === made) return;
    }
  } catch {
    return; // report the original error
  }
}
