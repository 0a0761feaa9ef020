/**
 * Creates a data folder from a state of a backup, or fills a database and an object store with it.
 *
 * @module
 */
import { resolve } from "node:path";
import type { Abortable } from "../../../protocol/abort.ts";
import { withBackup } from "../../data_folder/with_data_folder.ts";
import type { FileSystem } from "../../fs/file_system.ts";
import { dataFolderOf, isLocal, nameOf } from "../../stores/store_settings.ts";
import type { ServerLocation } from "../../stores/with_store.ts";
import { folderSource, type StoreAccess } from "./copy_source.ts";
import { type CopyReport, explainingCopy } from "./copy_store.ts";
import { copyToFolder } from "./copy_to_folder.ts";
import { copyToCluster } from "./copy_to_cluster.ts";

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
  /** @internal */
  readonly access?: StoreAccess;
}

/**
 * Creates a data folder, a new or empty folder, from a backup. An interrupted restore leaves nothing. With `catalog`, fills
 * an empty database and its store of contents instead: an interrupted restore can be continued. Throws
 * `ConfigurationError` `no-backup`, `target-not-empty`, `target-no-folder`, `target-in-source`, and as `migrate` does;
 * `UsageError` `no-such-state`; `StorageError` `cannot-copy`, `state-removed`; `IntegrityError` `catalog-damaged`.
 */
export function restore(
  backupFolder: string,
  target: ServerLocation,
  { state, onNoIdentity, signal, fileSystem: fs = Deno, access = {} }: RestoreOptions = {},
): Promise<CopyReport> {
  const settings = typeof target === "string" ? { dataFolder: target } : target;
  return withBackup({ backup: backupFolder, state }, fs, async (folder) => {
    const source = folderSource(folder);
    const place = isLocal(settings) ? resolve(dataFolderOf(settings)) : nameOf(settings);
    const report = await explainingCopy(
      ...[source, place] as const,
      () =>
        isLocal(settings)
          ? copyToFolder(source, place, { fs, signal, resumes: false })
          : copyToCluster(source, settings, { fs, access, signal, withUploads: false }),
    );
    if (onNoIdentity !== undefined && await source.readIdentity() === undefined) {
      const accounts = (await source.catalog.accounts.list())
        .filter(({ protocol, keys }) => protocol === 4 && keys > 0).length;
      if (accounts > 0) onNoIdentity(accounts);
    }
    return report;
  });
}
