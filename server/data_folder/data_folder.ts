/**
 * The folder that holds everything a server keeps: `catalog.db`, `staging/` and `files/`, and `lock.db`, which a
 * running server holds.
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
import { refuseForeign } from "./foreign_catalog.ts";
import { DiskBlobStore } from "../blobs/disk/disk_blob_store.ts";
import { createOwnFolder, type FileSystem } from "../fs/file_system.ts";
import { checkKinds, makePrivate } from "./permissions.ts";
import { noteServed } from "./served_folders.ts";
import { localCatalog } from "../catalog/sqlite/local_catalog.ts";
import { SqliteCatalog } from "../catalog/sqlite/sqlite_catalog.ts";
import { type DataFolderPath, explainingFailures, LOCKED } from "./errors.ts";
import { openWorkerCatalog } from "../catalog/sqlite/worker_catalog.ts";

export { BACKUP_CATALOG, CATALOG, TLS_FILE };

/** Bytes of the identity at most: a key and a certificate have less than 2,000. */
export const MAX_TLS_FILE = 64 * 1024;
/** What was put aside, one JSON object a line. */
export const QUARANTINE_RECORD = `${QUARANTINE}.jsonl`;

export interface Store {
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
}

/** Opens or creates the catalog at a path. */
export type OpenCatalog = (path: string) => Promise<Catalog>;

/**
 * Stores of one's own, in place of the catalog and the files in the data folder. Each is opened at every start of the
 * server, which disposes of the catalog. The suites in tests/server/ show what they have to do.
 */
export interface OwnStores {
  /** Opens accounts and names; in `catalog.db` by default. */
  readonly openCatalog?: () => Promise<Catalog>;
  /** Opens contents; files in the data folder by default. */
  readonly openBlobs?: () => Promise<BlobStore>;
}

export class DataFolder implements Store, AsyncDisposable {
  readonly place: DataFolderPath;
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
  /** Whether others could look into the folder until it was opened to serve. */
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
   * Opens a folder to serve from it, making it where it is missing. Throws `ConfigurationError`: `data-folder-in-use`
   * where a server has it, `not-a-data-folder` where it holds something else, `catalog-empty` where its catalog was
   * lost, `data-folder-unusable` where it can't be read or written; `IntegrityError` `catalog-damaged`.
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
      const lock = await acquireLock(path);
      try {
        await createPrivately(join(path, CATALOG));
        // One that was begun and not filled yet is made whole; one that was lost is not begun anew: all names would be free.
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
   * Opens a folder to look into it, whether it is served or not; changes nothing. Throws `ConfigurationError`:
   * `no-data-folder`, `catalog-empty`, `data-folder-unusable`; `IntegrityError` `catalog-damaged`.
   */
  static openToRead(folder: string, fs: FileSystem): Promise<DataFolder> {
    return DataFolder.#openExisting(folder, fs, SqliteCatalog.openToRead);
  }

  /** Opens a folder to change what the catalog says, whether it is served or not. Throws as `openToRead` does. */
  static openToChange(folder: string, fs: FileSystem): Promise<DataFolder> {
    return DataFolder.#openExisting(folder, fs, (path) => SqliteCatalog.open(path));
  }

  /**
   * Opens a backup to look into it. Throws `ConfigurationError` `no-backup`, `backup-unusable`; `IntegrityError`
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
          `${printable(path)} is not a whole backup: ` +
            (isThere ? `its ${BACKUP_CATALOG} is empty` : `it has no ${BACKUP_CATALOG}`),
          { hint: "Name a folder that xfer server backup has finished." },
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
          { hint: "Name the folder that the server was started with: --data DIR." },
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
 * What is opened in a data folder or a backup. A database has further files beside it, whose names begin with its own, and
 * so has what is being written.
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

/** Whether a server has stored anything in a folder, or shown who it is: its catalog was whole before. */
async function hasBeenServed(path: string): Promise<boolean> {
  if ((await namesIn(path))?.includes(TLS_FILE)) return true;
  return (await namesIn(join(path, FILES)) ?? []).length > 0;
}

function refuseEmpty(path: string): void {
  if (!Database.isEmpty(path)) return;
  throw new ConfigurationError(
    "catalog-empty",
    `${printable(path)} is empty: it says nothing of accounts and files`,
    {
      hint: "If the server has been at work before, put the data folder back from a backup: " +
        "xfer server restore. If it was never started whole, start it.",
    },
  );
}

/** A catalog that an older xfer wrote is brought up to date in a copy: the backup stays as it is. */
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

/** A folder that is there must be ours already, or empty: a server removes what it finds in `staging/`. */
async function prepareFolder(path: string, fs: FileSystem): Promise<void> {
  const names = await namesIn(path);
  if (names === undefined) return await createOwnFolder(fs, path);
  const foreign = names.filter((name) => !name.startsWith(DATA_LOCK));
  if (foreign.length === 0 || names.includes(CATALOG)) return;
  throw new ConfigurationError(
    "not-a-data-folder",
    `${printable(path)} has no ${CATALOG}, but other files: it is not a server's data folder`,
    { hint: "Name a folder that is new, empty, or was a server's before: --data DIR." },
  );
}

/** What is in a folder, or `undefined` where there is none. */
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

/** Keeps other servers out until it is disposed of, or the process ends, however that comes about. */
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

/** An exclusive transaction that lasts as long as the database is open. */
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
    { hint: "Stop that server, or name another folder: --data DIR.", cause },
  );
}

/**
 * Makes a file that only its owner can read, where there is none: SQLite would make one for everybody. One that is there
 * is not opened: to close it would end the locks that this process has on it.
 */
async function createPrivately(path: string): Promise<void> {
  try {
    using _file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
