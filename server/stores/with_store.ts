/**
 * The stores as the operator's functions use them: opened for a short time, whether a server uses them or not.
 *
 * @module
 */
import type { FileSystem } from "../fs/file_system.ts";
import { DataFolder, type OpenCatalog, type Store } from "../data_folder/data_folder.ts";
import {
  type BackupLocation,
  type FoundDamage,
  withBackup,
  withFolder,
} from "../data_folder/with_data_folder.ts";
import { closeBlobs, openBlobs, OPENERS, type StoreOpeners } from "./open_stores.ts";
import { dataFolderOf, isLocal, nameOf, type StoreSettings } from "./store_settings.ts";

/** The path of a data folder, or where a server keeps accounts and files instead. */
export type ServerLocation = string | StoreSettings;

/** The same, or a state of a backup. */
export type StoreLocation = ServerLocation | BackupLocation;

/** Stores, and their name for people. */
export interface NamedStore extends Store {
  readonly name: string;
}

/**
 * Opens stores or a backup for reading. Changes nothing. Throws `ConfigurationError` `no-data-folder`, `catalog-empty`,
 * `data-folder-unusable`; `IntegrityError` `catalog-damaged`; `UnavailableError`; for a backup, the errors of
 * `withBackup`; and the errors of `look`.
 */
export function withReadOnly<T>(
  location: StoreLocation,
  look: (store: NamedStore) => Promise<T>,
  openers: StoreOpeners = OPENERS,
): Promise<T> {
  return isBackup(location)
    ? withBackup(location, Deno, look)
    : withStores(location, "read", look, openers);
}

/** Opens stores for changes of the catalog. Throws as `withReadOnly` does. */
export function withWritable<T>(
  location: ServerLocation,
  change: (store: NamedStore) => Promise<T>,
  openers?: StoreOpeners,
): Promise<T> {
  return withStores(location, "change", change, openers);
}

/**
 * Opens stores to move damaged contents to quarantine. A data folder is locked meanwhile, also one that has only the
 * catalog. Servers that share a catalog can run. Throws as `withWritable` and `DataFolder.openToServe` do.
 */
export async function withRepairable<T>(
  location: ServerLocation,
  work: (store: Store) => Promise<T>,
  { fileSystem = Deno, openCatalog, openers = OPENERS }: OpenSystem = {},
): Promise<T> {
  const settings = typeof location === "string" ? { dataFolder: location } : location;
  if (settings.catalog !== undefined) return await withStores(settings, "change", work, openers);
  const { dataFolder, blobs, objectStore = {} } = settings;
  const own = blobs === undefined ? {} : { openBlobs: () => openers.blobs(blobs, objectStore) };
  const folder = dataFolderOf({ dataFolder });
  await using opened = await DataFolder.openToServe(folder, fileSystem, openCatalog, own);
  using _blobs = { [Symbol.dispose]: () => closeBlobs(opened.blobs) };
  return await work(opened);
}

/** The system below stores of an operator. Tests replace parts of it. */
export interface OpenSystem {
  readonly fileSystem?: FileSystem | undefined;
  readonly openCatalog?: OpenCatalog | undefined;
  readonly openers?: StoreOpeners | undefined;
}

/** Records damage and intact files in the catalog; nothing in that of a backup. Throws as `withWritable` does. */
export async function recordFound(
  location: StoreLocation,
  found: readonly FoundDamage[],
  openers?: StoreOpeners,
): Promise<void> {
  if (found.length === 0 || isBackup(location)) return;
  await withWritable(location, async ({ catalog }) => {
    await Promise.all(found.flatMap(({ content: { id }, damage, confirmedAt }) => [
      catalog.files.setDamage(id, damage),
      ...confirmedAt === undefined ? [] : [catalog.files.confirm(id, confirmedAt)],
    ]));
  }, openers);
}

/** Whether a location is a backup, whose catalog never changes. */
export function isBackup(location: StoreLocation): location is BackupLocation {
  return typeof location === "object" && "backup" in location;
}

/** Whether everything is in one folder of this machine. */
export function isOneFolder(location: StoreLocation): boolean {
  return typeof location === "string" || isBackup(location) || isLocal(location);
}

async function withStores<T>(
  location: ServerLocation,
  use: "read" | "change",
  work: (store: NamedStore) => Promise<T>,
  openers: StoreOpeners = OPENERS,
  fs: FileSystem = Deno,
): Promise<T> {
  const settings = typeof location === "string" ? { dataFolder: location } : location;
  if (isLocal(settings)) return await withFolder(dataFolderOf(settings), use, work);
  await using opened = new AsyncDisposableStack();
  const blobs = await openBlobs(settings, openers, fs, { creates: false });
  opened.defer(() => closeBlobs(blobs));
  if (settings.catalog === undefined) {
    const folder = dataFolderOf(settings);
    return await withFolder(folder, use, ({ catalog, name }) => work({ catalog, blobs, name }));
  }
  const catalog = opened.use(await openers.catalog(settings.catalog));
  return await work({ catalog, blobs, name: nameOf(settings) });
}
