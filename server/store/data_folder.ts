/**
 * The folder that holds everything a server keeps: `catalog.db`, `staging/` and `files/`, and `lock.db`, which a
 * running server holds.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConfigurationError, printable } from "../../protocol/mod.ts";
import type { BlobStore } from "./blob_store.ts";
import type { Catalog } from "./catalog.ts";
import { DiskBlobStore } from "./disk_blob_store.ts";
import { createOwnFolder, type FileSystem } from "./file_system.ts";
import { SqliteCatalog } from "./sqlite_catalog.ts";

const CATALOG = "catalog.db";
const LOCK = "lock.db";

export interface Store {
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
}

export class DataFolder implements Store, AsyncDisposable {
  readonly path: string;
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
  readonly #lock: DatabaseSync | undefined;

  private constructor(path: string, store: Store, lock?: DatabaseSync) {
    this.path = path;
    this.catalog = store.catalog;
    this.blobs = store.blobs;
    this.#lock = lock;
  }

  /**
   * Opens a folder to serve from it, making it where it is missing. Throws `ConfigurationError` `data-folder-in-use`
   * where another server has it.
   */
  static async openToServe(folder: string, fs: FileSystem): Promise<DataFolder> {
    const path = resolve(folder);
    if (!(await isFolder(path))) await createOwnFolder(fs, path);
    const lock = acquireLock(path);
    try {
      return new DataFolder(path, await openStore(path, fs), lock);
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** Opens a folder to look into it, whether it is served or not. Throws `ConfigurationError` `no-data-folder`. */
  static async openToRead(folder: string, fs: FileSystem): Promise<DataFolder> {
    const path = resolve(folder);
    if (!(await exists(join(path, CATALOG)))) {
      throw new ConfigurationError(
        "no-data-folder",
        `${printable(path)} is not a server's data folder: it has no ${CATALOG}`,
        { hint: "Name the folder that the server was started with: --data DIR." },
      );
    }
    return new DataFolder(path, await openStore(path, fs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.catalog[Symbol.asyncDispose]();
    this.#lock?.close();
  }
}

async function openStore(path: string, fs: FileSystem): Promise<Store> {
  const blobs = await DiskBlobStore.open(path, fs);
  return { catalog: new SqliteCatalog(join(path, CATALOG)), blobs };
}

/** An exclusive transaction that lasts as long as the process, however that ends. */
function acquireLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, LOCK));
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    throw new ConfigurationError(
      "data-folder-in-use",
      `${printable(path)} is already served by another process`,
      { hint: "Stop that server, or name another folder: --data DIR.", cause },
    );
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
