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

/** The path of a data folder, or a state of a backup. */
export type StoreLocation = string | BackupLocation;

/**
 * Opens a data folder or a backup for reading. Changes nothing. Throws `ConfigurationError` `no-data-folder`,
 * `catalog-empty`, `data-folder-unusable`; `IntegrityError` `catalog-damaged`; for a backup, the errors of
 * {@link withBackup}; and the errors of `look`.
 */
export function withReadOnly<T>(
  location: StoreLocation,
  look: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return typeof location === "string"
    ? during(location, () => DataFolder.openToRead(location, Deno), look)
    : withBackup(location, Deno, look);
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

/** Opens a folder for changes of its catalog. Throws as `withReadOnly` does. */
export function withWritable<T>(
  folder: string,
  change: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return during(folder, () => DataFolder.openToChange(folder, Deno), change);
}

/** A stored content, and its damage if it has any, or when it was read and found intact. */
export type FoundDamage = Pick<StoredFile, "content" | "damage" | "confirmedAt">;

/** Records damage and intact files in the catalog of a folder. Throws as `withWritable` does. */
export async function recordFound(folder: string, found: readonly FoundDamage[]): Promise<void> {
  if (found.length === 0) return;
  await withWritable(folder, async ({ catalog }) => {
    await Promise.all(found.flatMap(({ content: { id }, damage, confirmedAt }) => [
      catalog.files.setDamage(id, damage),
      ...confirmedAt === undefined ? [] : [catalog.files.confirm(id, confirmedAt)],
    ]));
  });
}

function during<T>(
  folder: string,
  open: () => Promise<DataFolder>,
  work: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return explainingFailures({ kind: "data folder", path: resolve(folder) }, async () => {
    await using opened = await open();
    return await work(opened);
  });
}
