/**
 * A data folder or a backup as the operator's commands use it: opened for a short time, whether a server uses it or
 * not.
 *
 * @module
 */
import { resolve } from "node:path";
import type { StoredFile } from "../catalog/files.ts";
import type { FileSystem } from "../fs/file_system.ts";
import { DataFolder } from "./data_folder.ts";
import { explainingFailures } from "./errors.ts";

/** A state of a backup. */
export interface BackupLocation {
  /** The path of the backup. */
  readonly backup: string;
  /** The name of the state; the newest by default. */
  readonly state?: string | undefined;
}

/**
 * Opens a state of a backup for reading. Changes nothing. Throws `ConfigurationError` `no-backup`, `backup-unusable`;
 * `UsageError` `no-such-state`; `IntegrityError` `catalog-damaged`; and the errors of `look`, but `StorageError`
 * `state-removed` if the state was deleted in the meantime.
 */
export function withBackup<T>(
  { backup, state }: BackupLocation,
  fs: FileSystem,
  look: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return explainingFailures({ kind: "backup", path: resolve(backup) }, async () => {
    await using source = await DataFolder.openBackup(backup, fs, state);
    try {
      return await look(source);
    } finally {
      await source.refuseRemoved();
    }
  });
}

/** A stored content, and its damage if it has any, or when it was read and found intact. */
export type FoundDamage = Pick<StoredFile, "content" | "damage" | "confirmedAt">;

/**
 * Opens a data folder for reading, or for changes of its catalog. Throws `ConfigurationError` `no-data-folder`,
 * `catalog-empty`, `data-folder-unusable`; `IntegrityError` `catalog-damaged`; and the errors of `work`.
 */
export function withFolder<T>(
  folder: string,
  use: "read" | "change",
  work: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return explainingFailures({ kind: "data folder", path: resolve(folder) }, async () => {
    await using opened = await (use === "read"
      ? DataFolder.openToRead(folder, Deno)
      : DataFolder.openToChange(folder, Deno));
    return await work(opened);
  });
}
