/**
 * The folder in which a server keeps everything: `catalog.db`, `staging/`, `files/`, and `lock.db`, which a running
 * server locks.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConfigurationError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import {
  BACKUP_CATALOG,
  CATALOG,
  DATA_FILES,
  DATA_LOCK,
  TLS_FILE,
} from "../../protocol/server_files.ts";
import { FILES, QUARANTINE, STAGING } from "../blobs/disk/paths.ts";
import type { BlobStore } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { Database } from "../catalog/sqlite/database.ts";
import { refuseForeign } from "../catalog/sqlite/foreign_catalog.ts";
import { DiskBlobStore } from "../blobs/disk/disk_blob_store.ts";
import { createOwnFolder, type FileSystem } from "../fs/file_system.ts";
import { checkKinds, makePrivate } from "./permissions.ts";
import { acquireInTurn, noteServed } from "./served_folders.ts";
import { localCatalog } from "../catalog/sqlite/local_catalog.ts";
import { SqliteCatalog } from "../catalog/sqlite/sqlite_catalog.ts";
import { type DataFolderPath, explainingFailures, LOCKED } from "./errors.ts";
import { openWorkerCatalog } from "../catalog/sqlite/worker_catalog.ts";

export { BACKUP_CATALOG, CATALOG, TLS_FILE };

/** The most bytes of the identity. A key and a certificate have less than 2,000. */
export const MAX_TLS_FILE = 64 * 1024;
/** The record of the quarantine: one JSON object per line. */
export const QUARANTINE_RECORD = `${QUARANTINE}.jsonl`;

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

export class DataFolder implements Store, AsyncDisposable {
  readonly place: DataFolderPath;
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
  /** Whether others could read the folder until it was opened to serve. */
  readonly wasOpen: boolean;
  readonly #lock: Disposable | undefined;

  private constructor(place: DataFolderPath, store: Store, lock?: Disposable, wasOpen = false) {
    this.place = place;
    this.wasOpen = wasOpen;
    this.catalog = store.catalog;
    this.blobs = store.blobs;
    this.#lock = lock;
  }

  get path(): string {
    return this.place.path;
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
      await checkKinds(place, kindOf);
      const lock = await acquireInTurn(() => acquireLock(path));
      try {
        await createPrivately(join(path, CATALOG));
        // An empty catalog of an interrupted first start is completed. A lost one is not created again, since all user
        // names would be free.
        if (own.openCatalog === undefined && await hasBeenServed(path)) {
          refuseEmpty(join(path, CATALOG));
        }
        const blobs = await (own.openBlobs?.() ?? DiskBlobStore.create(path, fs));
        const catalog = await (own.openCatalog?.() ?? openCatalog(join(path, CATALOG)));
        return new DataFolder(place, { catalog, blobs }, lock, wasOpen);
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
   * Opens a backup for reading. Throws `ConfigurationError` `no-backup`, `backup-unusable`; `IntegrityError`
   * `catalog-damaged`.
   */
  static openBackup(folder: string, fs: FileSystem): Promise<DataFolder> {
    const place = placeOf("backup", folder);
    const { path } = place;
    return explainingFailures(place, async () => {
      const isThere = (await namesIn(path))?.includes(BACKUP_CATALOG);
      if (isThere) await checkKinds(place, kindOf);
      if (!isThere || Database.isEmpty(join(path, BACKUP_CATALOG))) {
        throw new ConfigurationError(
          "no-backup",
          `${printable(path)} is not a complete backup: ` +
            (isThere ? `its ${BACKUP_CATALOG} is empty` : `it has no ${BACKUP_CATALOG}`),
          { hint: "Choose a folder that 'xfer server backup' has completed." },
        );
      }
      const catalog = await openBackupCatalog(join(path, BACKUP_CATALOG));
      return new DataFolder(place, { catalog, blobs: new DiskBlobStore(path, fs) });
    });
  }

  static #openExisting(
    folder: string,
    fs: FileSystem,
    open: (path: string) => SqliteCatalog,
  ): Promise<DataFolder> {
    const place = placeOf("data folder", folder);
    const { path } = place;
    return explainingFailures(place, async () => {
      if (!(await namesIn(path))?.includes(CATALOG)) {
        throw new ConfigurationError(
          "no-data-folder",
          `${printable(path)} is not a server's data folder: it has no ${CATALOG}`,
          { hint: "Add --data DIR with the server's data folder." },
        );
      }
      await checkKinds(place, kindOf);
      refuseEmpty(join(path, CATALOG));
      const catalog = localCatalog(open(join(path, CATALOG)));
      return new DataFolder(place, { catalog, blobs: new DiskBlobStore(path, fs) });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.catalog[Symbol.asyncDispose]();
    this.#lock?.[Symbol.dispose]();
  }
}

/**
 * The expected kind of a name in a data folder or a backup. A database has further files, whose names begin with its
 * own. So do incomplete files.
 */
function kindOf(name: string): "file" | "folder" | undefined {
  if ([FILES, STAGING, QUARANTINE].includes(name)) return "folder";
  const isFile = [...DATA_FILES, QUARANTINE_RECORD]
    .some((known) => name.startsWith(known) && ["", "-", "."].includes(name.charAt(known.length)));
  return isFile ? "file" : undefined;
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
      hint:
        "If the server has ever run, restore the data folder with 'xfer server restore'. If its " +
        "first start failed, start it again.",
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

/** The names in a folder; `undefined` if it does not exist. */
async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(path)) names.push(name);
    return names;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Keeps other servers out until it is disposed of or the process ends. */
async function acquireLock(path: string): Promise<Disposable> {
  const file = join(path, DATA_LOCK);
  await createPrivately(file);
  const noted = await noteServed(file);
  if (noted === undefined) throw inUse(path, "this process");
  try {
    const lock = lockExclusively(file);
    return {
      [Symbol.dispose]() {
        lock.close();
        noted[Symbol.dispose]();
      },
    };
  } catch (cause) {
    noted[Symbol.dispose]();
    if (!(cause instanceof Error && cause.message.includes(LOCKED))) throw cause;
    throw inUse(path, "another process", cause);
  }
}

/** Begins an exclusive transaction, which lasts until the database is closed. */
function lockExclusively(file: string): DatabaseSync {
  const lock = new DatabaseSync(file);
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

function inUse(path: string, by: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    "data-folder-in-use",
    `${printable(path)} is already served by ${by}`,
    { hint: "Stop that server, or choose another folder with --data DIR.", cause },
  );
}

/**
 * Creates a file that only its owner can read, if it is missing. SQLite would create one that everyone can read. An
 * existing file is not opened: closing it would end this process's locks on it.
 */
async function createPrivately(path: string): Promise<void> {
  try {
    using _file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
