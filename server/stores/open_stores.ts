/**
 * Opens databases and object stores. Their modules are loaded only when they are used.
 *
 * @module
 */
import type { BlobStore } from "../blobs/blob_store.ts";
import { DiskBlobStore } from "../blobs/disk/disk_blob_store.ts";
import type { SharedCatalog } from "../catalog/shared_catalog.ts";
import type { FileSystem } from "../fs/file_system.ts";
import { dataFolderOf, type ObjectStoreSettings, type StoreSettings } from "./store_settings.ts";

/** Opens stores by their URLs. Tests replace it. */
export interface StoreOpeners {
  readonly catalog: (url: string) => Promise<SharedCatalog>;
  readonly blobs: (url: string, settings: ObjectStoreSettings) => Promise<BlobStore>;
}

/** By the modules that `compile` in deno.json lists, since no import names them. */
export const OPENERS: StoreOpeners = {
  async catalog(url) {
    const { openSharedCatalog } = await load<
      typeof import("../catalog/postgres/open_catalog.ts")
    >(new URL("../catalog/postgres/open_catalog.ts", import.meta.url));
    return await openSharedCatalog(url);
  },
  async blobs(url, settings) {
    const { openS3Blobs } = await load<typeof import("../blobs/s3/open_blobs.ts")>(
      new URL("../blobs/s3/open_blobs.ts", import.meta.url),
    );
    return await openS3Blobs({ url, ...settings });
  },
};

/** Before a program starts, Deno reads every module that an import names by a literal. This import names none. */
function load<M>({ href }: URL): Promise<M> {
  return import(href);
}

/** Opens the store of contents: the object store, or the files in the data folder. */
export async function openBlobs(
  settings: StoreSettings,
  openers: StoreOpeners,
  fs: FileSystem,
  { creates }: { readonly creates: boolean },
): Promise<BlobStore> {
  const { blobs, objectStore = {} } = settings;
  if (blobs !== undefined) return await openers.blobs(blobs, objectStore);
  const folder = dataFolderOf(settings);
  // A server that was paused may wake while the next one uses the folder.
  const options = { isShared: settings.catalog !== undefined };
  return creates
    ? await DiskBlobStore.create(folder, fs, options)
    : new DiskBlobStore(folder, fs, options);
}

/** Closes a store of contents, if it must be closed. */
export function closeBlobs(blobs: BlobStore): void {
  if (Symbol.dispose in blobs) (blobs as BlobStore & Disposable)[Symbol.dispose]();
}
