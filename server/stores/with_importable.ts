/**
 * The stores as an import uses them: it stores files, whether servers use the stores or not.
 *
 * @module
 */
import { importName, isShared, LeaseLost, type SharedCatalog } from "../catalog/shared_catalog.ts";
import { NodeLease } from "../cluster/node_lease.ts";
import { DataFolder, type Store } from "../data_folder/data_folder.ts";
import { explainingFailures } from "../data_folder/errors.ts";
import { freeSpaceOf } from "../fs/free_space.ts";
import { closeBlobs, OPENERS } from "./open_stores.ts";
import { dataFolderOf } from "./store_settings.ts";
import { type OpenSystem, type ServerLocation, withWritable } from "./with_store.ts";

/** Stores in which uploads of this process are not taken for leftovers. */
export interface ImportableStore extends Store {
  /** The part of the catalog that tells servers what this process is writing, if they share it. */
  readonly shared: Pick<SharedCatalog, "openUploads" | "claims"> | undefined;
  /** The bytes that can still be stored; `Infinity` if nobody can tell. */
  freeSpace(): Promise<number>;
}

/**
 * Opens stores to store files in them. A data folder is locked for other imports. In a catalog that servers share, the
 * import joins them. If it was paused for so long that they have removed it, every further file fails with
 * `LeaseLost`. Throws as `withWritable` and `DataFolder.openToImport` do.
 */
export async function withImportable<T>(
  location: ServerLocation,
  work: (store: ImportableStore) => Promise<T>,
  { fileSystem = Deno, openers = OPENERS }: OpenSystem = {},
): Promise<T> {
  const settings = typeof location === "string" ? { dataFolder: location } : location;
  const { dataFolder, blobs, objectStore = {} } = settings;
  const freeSpace = () =>
    blobs === undefined ? freeSpaceOf(dataFolderOf(settings)) : Promise.resolve(Infinity);
  if (settings.catalog !== undefined) {
    return await withWritable(settings, async (store) => {
      const { catalog } = store;
      if (!isShared(catalog)) return await work({ ...store, shared: undefined, freeSpace });
      await using lease = await NodeLease.join(catalog.nodes, { name: importName(Deno.pid) });
      // A file that was begun before must not be stored after this process has joined again.
      lease.onLost({
        ...{ end: () => Promise.reject(new LeaseLost()), resume: () => {}, notJoined: () => {} },
      });
      return await work({ ...store, shared: catalog, freeSpace });
    }, openers);
  }
  const own = blobs === undefined ? {} : { openBlobs: () => openers.blobs(blobs, objectStore) };
  const folder = dataFolderOf({ dataFolder });
  await using opened = await DataFolder.openToImport(folder, fileSystem, own);
  using _blobs = { [Symbol.dispose]: () => closeBlobs(opened.blobs) };
  const { catalog } = opened;
  const store = { catalog, blobs: opened.blobs, shared: undefined, freeSpace };
  return await explainingFailures(opened.place, () => work(store));
}
