/**
 * A data folder as the operator's commands use it: opened for a while, whether it is served or not.
 *
 * @module
 */
import { resolve } from "node:path";
import type { StoredFile } from "../catalog/files.ts";
import { DataFolder } from "./data_folder.ts";
import { explainingFailures } from "./errors.ts";

/**
 * Opens a folder to look into it; changes nothing. Throws `ConfigurationError` `no-data-folder`, `catalog-empty`,
 * `data-folder-unusable`; `IntegrityError` `catalog-damaged`; and what `look` throws.
 */
export function withReadOnly<T>(
  folder: string,
  look: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return during(folder, () => DataFolder.openToRead(folder, Deno), look);
}

/** Opens a folder to change what the catalog says. Throws as `withReadOnly` does. */
export function withWritable<T>(
  folder: string,
  change: (folder: DataFolder) => Promise<T>,
): Promise<T> {
  return during(folder, () => DataFolder.openToChange(folder, Deno), change);
}

/** The damage that was found in the file at a path, or that it has none. */
export type FoundDamage = Pick<StoredFile, "content" | "damage">;

/** Records in the catalog of a folder what was found by looking into it. Throws as `withWritable` does. */
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
