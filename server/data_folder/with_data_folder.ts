/**
 * A data folder as the operator's commands use it: opened for a short time, whether a server uses it or not.
 *
 * @module
 */
import { resolve } from "node:path";
import type { StoredFile } from "../catalog/files.ts";
import { DataFolder } from "./data_folder.ts";
import { explainingFailures } from "./errors.ts";

/**
 * Opens a folder for reading. Changes nothing. Throws `ConfigurationError` `no-data-folder`, `catalog-empty`,
 * `data-folder-unusable`; `IntegrityError` `catalog-damaged`; and the errors of `look`.
 */
export function withReadOnly<T>(
  folder: string,
  look: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return during(folder, () => DataFolder.openToRead(folder, Deno), look);
}

/** Opens a folder for changes of its catalog. Throws as `withReadOnly` does. */
export function withWritable<T>(
  folder: string,
  change: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return during(folder, () => DataFolder.openToChange(folder, Deno), change);
}

/** A stored content, and its damage if it has any. */
export type FoundDamage = Pick<StoredFile, "content" | "damage">;

/** Records damage in the catalog of a folder. Throws as `withWritable` does. */
export async function recordFound(folder: string, found: readonly FoundDamage[]): Promise<void> {
  if (found.length === 0) return;
  await withWritable(folder, async ({ catalog }) => {
    await Promise.all(
      found.map(({ content: { id }, damage }) => catalog.files.setDamage(id, damage)),
    );
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
