/**
 * A data folder that a server serves from.
 *
 * @module
 */
import { DataFolder, type OwnStores } from "../data_folder/data_folder.ts";
import { explainingFailures } from "../data_folder/errors.ts";
import { unlessImporting } from "../data_folder/import_lock.ts";
import { finishRepairs } from "../data_folder/quarantine.ts";
import { loadIdentity, readIdentity } from "../listen/tls/identity.ts";
import type { ServedStore, StoreSystem } from "./served_store.ts";

/** Opens a data folder. Throws as `DataFolder.openToServe` does. */
export async function serveFolder(
  dataFolder: string,
  { fileSystem, freeSpace, openCatalog }: StoreSystem,
  own?: OwnStores,
): Promise<ServedStore> {
  const folder = await DataFolder.openToServe(dataFolder, fileSystem, openCatalog, own);
  const { catalog, blobs, path, place } = folder;
  const explaining = <T>(work: () => Promise<T>) => explainingFailures(place, work);
  return {
    ...{ catalog, blobs, name: path },
    loadIdentity: () => explaining(() => loadIdentity(path, fileSystem)),
    readIdentity: () => explaining(() => readIdentity(path)),
    freeSpace: () => freeSpace(path),
    diskSpace: () => freeSpace(path),
    async recover(sweep, log) {
      if (folder.wasOpen) {
        log.warn("Removed other users' access to {folder}", {
          event: "store.tightened",
          folder: path,
        });
      }
      await explaining(async () => {
        await finishRepairs(folder);
        if (await unlessImporting(path, sweep)) return;
        log.warn("Kept leftover uploads until the next start: an import is in progress", {
          event: "store.not-swept",
        });
      });
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
