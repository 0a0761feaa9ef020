/**
 * What can be copied as a whole: a data folder, a state of a backup, or a database and an object store.
 *
 * @module
 */
import { join } from "node:path";
import type { Bytes } from "../../../protocol/bytes.ts";
import { type IntegrityError, reasonOf } from "../../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { BlobId, UploadId } from "../../blobs/blob_store.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { isShared } from "../../catalog/shared_catalog.ts";
import { type Dumping, isDumping } from "../../catalog/table_copy.ts";
import { type ClusterSecret, readClusterSecret } from "../../cluster/cluster_secret.ts";
import { DataFolder, MAX_TLS_FILE, type Store, TLS_FILE } from "../../data_folder/data_folder.ts";
import { damageOf } from "../../data_folder/errors.ts";
import { type FileSystem, readRegularFile } from "../../fs/file_system.ts";
import type { StoreOpeners } from "../../stores/open_stores.ts";
import { TLS_IDENTITY } from "../../stores/shared_identity.ts";
import { dataFolderOf, isLocal } from "../../stores/store_settings.ts";
import { type ServerLocation, withReadOnly } from "../../stores/with_store.ts";

/** How databases and object stores are opened. Tests replace it. */
export interface StoreAccess {
  readonly openers?: StoreOpeners;
  readonly clusterSecret?: () => Promise<ClusterSecret>;
}

/** Stores to copy. */
export interface CopySource extends Store {
  readonly catalog: Catalog & Dumping;
  /** The path of the folder that they are in, which a copy must not be in. */
  readonly folder?: string;
  /** Reads what has arrived of an upload, if its store can; an object store cannot. */
  readonly readUpload?: (id: UploadId) => AsyncGenerator<Bytes, void, void>;
  /** The server's key and certificate in PEM; `undefined` if the server never had protocol 4. */
  readIdentity(): Promise<Bytes | undefined>;
  /** The error for a catalog that its database reports as damaged; `undefined` for any other failure. */
  explainDamage(cause: unknown): IntegrityError | undefined;
  /** Throws `StorageError` `state-removed` if the state of a backup was deleted since it was opened. */
  refuseRemoved(): Promise<void>;
}

/** Opens stores for a copy, whether a server uses them or not. Throws as `withReadOnly` does. */
export async function withCopySource<T>(
  location: ServerLocation,
  fs: FileSystem,
  { openers, clusterSecret = readClusterSecret }: StoreAccess,
  work: (source: CopySource) => Promise<T>,
): Promise<T> {
  const settings = typeof location === "string" ? { dataFolder: location } : location;
  if (isLocal(settings)) {
    await using folder = await DataFolder.openToRead(dataFolderOf(settings), fs);
    return await work(folderSource(folder));
  }
  return await withReadOnly(settings, async (store) => {
    const { catalog, blobs } = store;
    return await work({
      ...{ catalog: copied(catalog), blobs },
      async readIdentity() {
        if (!isShared(catalog)) return await readKey(join(dataFolderOf(settings), TLS_FILE));
        const wrapped = await catalog.values.find(TLS_IDENTITY);
        return wrapped && await (await clusterSecret()).unwrap(TLS_IDENTITY, wrapped);
      },
      explainDamage: () => undefined,
      refuseRemoved: () => Promise.resolve(),
    });
  }, openers);
}

/** A data folder, or a state of a backup. */
export function folderSource(folder: DataFolder): CopySource {
  const { catalog, blobs, path, place, tlsFile } = folder;
  return {
    ...{ catalog: copied(catalog), blobs, folder: path },
    // On the disk, an upload is a file like a blob.
    readUpload: (id) => blobs.read(id as string as BlobId, { pieceSize: CHUNK_SIZE }),
    readIdentity: () => readKey(tlsFile),
    explainDamage: (cause) => damageOf(place, cause),
    refuseRemoved: () => folder.refuseRemoved(),
  };
}

/** Reads the server's key and certificate; `undefined` if the server never had protocol 4. */
export async function readKey(path: string): Promise<Bytes | undefined> {
  try {
    return await readRegularFile(path, MAX_TLS_FILE, Deno.lstat);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`cannot copy ${TLS_FILE}: ${reasonOf(error)}`, { cause: error });
  }
}

function copied(catalog: Catalog): Catalog & Dumping {
  if (!isDumping(catalog)) throw new Error("the catalog cannot be copied");
  return catalog;
}
