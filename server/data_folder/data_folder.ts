/**
 * The folder in which a server keeps everything: `catalog.db`, `staging/`, `files/`, and `lock.db`, which a running
 * server locks.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { ConfigurationError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { BACKUP_CATALOG, CATALOG, DATA_LOCK, TLS_FILE } from "../../protocol/server_files.ts";
import { FILES } from "../blobs/disk/paths.ts";
import type { BlobStore } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { Database } from "../catalog/sqlite/database.ts";
import { refuseForeign } from "../catalog/sqlite/foreign_catalog.ts";
import { type BackupState, findState, noBackup, refuseRemoved } from "./backup_states.ts";
import { DiskBlobStore } from "../blobs/disk/disk_blob_store.ts";
import { createOwnFolder, type FileSystem, namesIn } from "../fs/file_system.ts";
import { checkKinds, makePrivate } from "./permissions.ts";
import { createPrivately, type InUse, lockFolder } from "./folder_lock.ts";
import { lockForImport } from "./import_lock.ts";
import { localCatalog } from "../catalog/sqlite/local_catalog.ts";
import { SqliteCatalog } from "../catalog/sqlite/sqlite_catalog.ts";
import { type DataFolderPath, explainingFailures } from "./errors.ts";
import { openWorkerCatalog } from "../catalog/sqlite/worker_catalog.ts";

export { BACKUP_CATALOG, CATALOG, TLS_FILE };

/** The most bytes of the identity. A key and a certificate have less than 2,000. */
export const MAX_TLS_FILE = 64 * 1024;

export interface Store {
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
}

/** Opens or creates the catalog at a path. */
export type OpenCatalog = (path: string) => Promise<Catalog>;

/**
 * Your own stores instead of the catalog and the files in the data folder. The server opens each at every start, and
 * disposes of the catalog. The suites in tests/server/ show what they must do.
 */
export interface OwnStores {
  /** Opens the catalog; by default, `catalog.db` in the data folder. */
  readonly openCatalog?: () => Promise<Catalog>;
  /** Opens the blob store; by default, the files in the data folder. */
  readonly openBlobs?: () => Promise<BlobStore>;
}

interface OpenedFolder {
  readonly lock?: Disposable;
  readonly wasOpen?: boolean;
  readonly state?: BackupState;
}

export class DataFolder implements Store, AsyncDisposable {
  readonly place: DataFolderPath;
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
  /** Whether others could read the folder until it was opened to serve. */
  readonly wasOpen: boolean;
  /** The state of the backup that is open. */
  readonly state: BackupState | undefined;
  readonly #lock: Disposable | undefined;

  private constructor(
    place: DataFolderPath,
    store: Store,
    { lock, wasOpen = false, state }: OpenedFolder = {},
  ) {
    this.place = place;
    this.wasOpen = wasOpen;
    this.state = state;
    this.catalog = store.catalog;
    this.blobs = store.blobs;
    this.#lock = lock;
  }

  get path(): string {
    return this.place.path;
  }

  /** Names the folder for people. */
  get name(): string {
    return this.path;
  }

  /** The path of the server's key, which may be missing. */
  get tlsFile(): string {
    return join(this.state?.folder ?? this.path, TLS_FILE);
  }

  /**
   * Opens a folder to serve from it, and creates it if it is missing. Throws `ConfigurationError`: `data-folder-in-use`
   * if a server uses it, `not-a-data-folder` if it contains other files, `catalog-empty` if its catalog was lost,
   * `data-folder-unusable` if it cannot be read or written; `IntegrityError` `catalog-damaged`.
   */
  static openToServe(
    folder: string,
    fs: FileSystem,
    openCatalog: OpenCatalog = openWorkerCatalog,
    own: OwnStores = {},
  ): Promise<DataFolder> {
    const place = placeOf("data folder", folder);
    const { path } = place;
    return explainingFailures(place, async () => {
      await prepareFolder(path, fs);
      const wasOpen = await makePrivate(path);
      await checkKinds(place);
      const lock = await lockFolder(path, inUse(path));
      try {
        await createPrivately(join(path, CATALOG));
        // An empty catalog of an interrupted first start is completed. A lost one is not created again, since all user
        // names would be free.
        if (own.openCatalog === undefined && await hasBeenServed(path)) {
          refuseEmpty(join(path, CATALOG));
        }
        const blobs = await (own.openBlobs?.() ?? DiskBlobStore.create(path, fs));
        const catalog = await (own.openCatalog?.() ?? openCatalog(join(path, CATALOG)));
        return new DataFolder(place, { catalog, blobs }, { lock, wasOpen });
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
    });
  }

  /**
   * Opens a folder for reading, whether a server uses it or not. Changes nothing. Throws `ConfigurationError`:
   * `no-data-folder`, `catalog-empty`, `data-folder-unusable`; `IntegrityError` `catalog-damaged`.
   */
  static openToRead(folder: string, fs: FileSystem): Promise<DataFolder> {
    return DataFolder.#openExisting(folder, fs, SqliteCatalog.openToRead);
  }

  /** Opens a folder for changes of its catalog, whether a server uses it or not. Throws as `openToRead` does. */
  static openToChange(folder: string, fs: FileSystem): Promise<DataFolder> {
    return DataFolder.#openExisting(folder, fs, (path) => SqliteCatalog.open(path));
  }

  /**
   * Opens a folder to store files in it, whether a server uses it or not, and keeps other imports out. Throws as
   * `openToRead` does, and `ConfigurationError` `data-folder-not-private`, `import-in-progress`.
   */
  static openToImport(
    folder: string,
    fs: FileSystem,
    { openBlobs }: Pick<OwnStores, "openBlobs"> = {},
  ): Promise<DataFolder> {
    const open = (path: string) => SqliteCatalog.open(path);
    return DataFolder.#openExisting(folder, fs, open, async (path) => {
      await makePrivate(path);
      const blobs = await (openBlobs?.() ?? DiskBlobStore.create(path, fs));
      return { blobs, lock: await lockForImport(path) };
    });
  }

  /**
   * Opens a state of a backup for reading: the newest, or the one of this name. Throws `ConfigurationError` `no-backup`,
   * `backup-unusable`; `UsageError` `no-such-state`; `IntegrityError` `catalog-damaged`.
   */
  static openBackup(folder: string, fs: FileSystem, name?: string): Promise<DataFolder> {
    const place = placeOf("backup", folder);
    return explainingFailures(place, async () => {
      const state = await findState(place.path, name);
      const path = join(state.folder, BACKUP_CATALOG);
      await checkKinds({ ...place, path: state.folder });
      if (Database.isEmpty(path)) throw noBackup(place.path, `its ${BACKUP_CATALOG} is empty`);
      const catalog = await openBackupCatalog(path);
      return new DataFolder(place, { catalog, blobs: new DiskBlobStore(place.path, fs) }, {
        state,
      });
    });
  }

  /** Throws `StorageError` `state-removed` if the state was deleted since it was opened. */
  async refuseRemoved(): Promise<void> {
    if (this.state !== undefined) await refuseRemoved(this.path, this.state);
  }

  static #openExisting(
    folder: string,
    fs: FileSystem,
    open: (path: string) => SqliteCatalog,
    prepare?: (path: string) => Promise<{ readonly blobs: BlobStore; readonly lock: Disposable }>,
  ): Promise<DataFolder> {
    const place = placeOf("data folder", folder);
    const { path } = place;
    return explainingFailures(place, async () => {
      if (!(await namesIn(path))?.includes(CATALOG)) {
        throw new ConfigurationError(
          "no-data-folder",
          `${printable(path)} is not a server's data folder: it has no ${CATALOG}`,
          {
            hint:
              "Name the server's data folder with --data DIR, or its settings with --config FILE.",
          },
        );
      }
      await checkKinds(place);
      refuseEmpty(join(path, CATALOG));
      const prepared = await prepare?.(path);
      try {
        const catalog = localCatalog(open(join(path, CATALOG)));
        const store = { catalog, blobs: prepared?.blobs ?? new DiskBlobStore(path, fs) };
        return new DataFolder(place, store, prepared === undefined ? {} : { lock: prepared.lock });
      } catch (error) {
        prepared?.lock[Symbol.dispose]();
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.catalog[Symbol.asyncDispose]();
    this.#lock?.[Symbol.dispose]();
  }
}

function placeOf(kind: DataFolderPath["kind"], folder: string): DataFolderPath {
  return { kind, path: resolve(folder) };
}

/** Whether a server has stored files in a folder or created its identity. Its catalog was complete then. */
async function hasBeenServed(path: string): Promise<boolean> {
  if ((await namesIn(path))?.includes(TLS_FILE)) return true;
  return (await namesIn(join(path, FILES)) ?? []).length > 0;
}

function refuseEmpty(path: string): void {
  if (!Database.isEmpty(path)) return;
  throw new ConfigurationError(
    "catalog-empty",
    `${printable(path)} is empty: all accounts and files are missing`,
    {
      hint: "Restore a backup with 'xfer server restore', or start the server again if its first " +
        "start failed.",
    },
  );
}

/** Opens a backup's catalog. An older schema is upgraded in a copy, so that the backup stays unchanged. */
async function openBackupCatalog(path: string): Promise<Catalog> {
  refuseForeign(path);
  try {
    return localCatalog(SqliteCatalog.openToRead(path));
  } catch (error) {
    if (!(error instanceof XferError) || error.code !== "catalog-too-old") throw error;
  }
  const folder = await Deno.makeTempDir({ prefix: "xfer-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    const copy = join(folder, BACKUP_CATALOG);
    await Deno.copyFile(path, copy);
    const catalog = localCatalog(SqliteCatalog.open(copy));
    const close = async () => {
      await catalog[Symbol.asyncDispose]();
      await remove();
    };
    return { ...catalog, [Symbol.asyncDispose]: close };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** An existing folder must be a data folder or empty, because a server deletes files in `staging/`. */
async function prepareFolder(path: string, fs: FileSystem): Promise<void> {
  const names = await namesIn(path);
  if (names === undefined) return await createOwnFolder(fs, path);
  const foreign = names.filter((name) => !name.startsWith(DATA_LOCK));
  if (foreign.length === 0 || names.includes(CATALOG)) return;
  throw new ConfigurationError(
    "not-a-data-folder",
    `${printable(path)} is not a server's data folder: it has other files and no ${CATALOG}`,
    { hint: "Choose a new or empty folder, or an existing data folder, with --data DIR." },
  );
}

function inUse(path: string): InUse {
  return (by, cause) =>
    new ConfigurationError(
      "data-folder-in-use",
      `${printable(path)} is already served by ${by}`,
      { hint: "Stop that server, or choose another folder with --data DIR.", cause },
    );
}
