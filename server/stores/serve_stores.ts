/**
 * Opens the stores that a server serves from, as its settings say.
 *
 * @module
 */
import type { BlobStore } from "../blobs/blob_store.ts";
import type { OwnStores } from "../data_folder/data_folder.ts";
import type { Log } from "../limits/server_log.ts";
import { closeBlobs, OPENERS } from "./open_stores.ts";
import { serveCluster } from "./served_cluster.ts";
import { serveFolder } from "./served_folder.ts";
import type { ServedStore, StoreSystem } from "./served_store.ts";
import { dataFolderOf, type StoreSettings } from "./store_settings.ts";

/** Throws as `DataFolder.openToServe` and `serveCluster` do, and as the stores. */
export async function serveStores(
  settings: StoreSettings & { readonly stores?: OwnStores | undefined },
  system: StoreSystem,
  log: Log,
): Promise<ServedStore> {
  const { catalog, blobs, objectStore = {}, stores } = settings;
  if (catalog !== undefined) return await serveCluster(catalog, settings, system, log);
  const folder = dataFolderOf(settings);
  if (blobs === undefined) return await serveFolder(folder, system, stores);
  const { openers = OPENERS } = system;
  let opened: BlobStore | undefined;
  const openBlobs = async () => opened = await openers.blobs(blobs, objectStore);
  try {
    const store = await serveFolder(folder, system, { ...stores, openBlobs });
    return {
      ...store,
      // The disk has only the catalog.
      freeSpace: () => Promise.resolve(Infinity),
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        if (opened !== undefined) closeBlobs(opened);
      },
    };
  } catch (error) {
    if (opened !== undefined) closeBlobs(opened);
    throw error;
  }
}
