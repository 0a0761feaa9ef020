/**
 * Blobs as files: `staging/<random>` during the upload, then `files/<owner id>/<random>`.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type Bytes, toHex } from "../../../protocol/bytes.ts";
import { printable } from "../../../protocol/printable.ts";
import {
  blobIdOf,
  FILES,
  isBlobName,
  isBlobPath,
  isStorePath,
  newBlobId,
  newQuarantinePath,
  newUploadId,
  QUARANTINE,
  STAGING,
  uploadIdOf,
} from "./paths.ts";
import {
  type BlobCopying,
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobToCopy,
  type BlobWriter,
  type CreateOptions,
  type Quarantine,
  randomPartOf,
  type ReadOptions,
  type ReopenOptions,
  type UploadId,
} from "../blob_store.ts";
import {
  createOwnFolder,
  type FileSystem,
  isSameFile,
  readFull,
  removeIfThere,
  syncFolder,
} from "../../fs/file_system.ts";
import { tryLock } from "../../fs/try_lock.ts";
import { DiskBlobWriter } from "./disk_blob_writer.ts";
import { DurableFolders } from "./durable_folders.ts";
import { addToRecord } from "./quarantine_record.ts";

/** The owner of content that is written only to be moved. */
const NO_OWNER: Bytes = new Uint8Array(16);

/** The default size of the pieces in which blobs are read, in bytes. */
const READ_SIZE = 256 * 1024;

export interface DiskBlobStoreOptions {
  /**
   * Whether other processes write uploads here, too. Then each upload is locked by the one that writes it, also while that
   * one is paused.
   */
  readonly isShared?: boolean;
}

export class DiskBlobStore implements BlobStore, BlobCopying, Quarantine {
  readonly randomAccess = true;
  readonly #isShared: boolean;
  readonly #folder: string;
  readonly #fs: FileSystem;
  readonly #folders: DurableFolders;

  /** Opens a store in an existing folder. Creates missing subfolders. */
  static async create(
    folder: string,
    fs: FileSystem,
    options?: DiskBlobStoreOptions,
  ): Promise<DiskBlobStore> {
    for (const name of [STAGING, FILES]) await createOwnFolder(fs, join(folder, name));
    return new DiskBlobStore(folder, fs, options);
  }

  /** An existing store. */
  constructor(folder: string, fs: FileSystem, { isShared = false }: DiskBlobStoreOptions = {}) {
    this.#isShared = isShared;
    this.#folder = folder;
    this.#fs = fs;
    this.#folders = new DurableFolders(fs);
  }

  create({ owner }: CreateOptions): Promise<BlobWriter> {
    return Promise.resolve(this.#writer(newUploadId(), newBlobId(owner)));
  }

  async reopen(id: UploadId, { owner, offset }: ReopenOptions): Promise<BlobWriter> {
    const found = await this.stat(id);
    if (found === undefined || found.size < offset) {
      throw new BlobNotFound(`cannot reopen ${printable(id)}: it has fewer than ${offset} bytes`);
    }
    const file = await this.#open(id, { write: true });
    let isLocked = true;
    try {
      if (this.#isShared) isLocked = await tryLock(file);
      if (isLocked) await file.truncate(offset);
    } catch (error) {
      file.close();
      throw error;
    }
    if (!isLocked) {
      throw new BlobNotFound(`cannot reopen ${printable(id)}: another process may still write it`);
    }
    return this.#writer(id, newBlobId(owner), file);
  }

  copyId({ id, accountId }: BlobToCopy): BlobId | undefined {
    if (isBlobPath(id)) return id;
    const random = randomPartOf(id);
    return random === undefined ? undefined : blobIdOf(toHex(accountId), random);
  }

  createCopy(id: BlobId): Promise<BlobWriter> {
    return Promise.resolve(this.#writer(newUploadId(), id));
  }

  #writer(uploadId: UploadId, blobId: BlobId, file?: Deno.FsFile): DiskBlobWriter {
    return new DiskBlobWriter({
      ...{ fs: this.#fs, folders: this.#folders, uploadId, blobId, isShared: this.#isShared },
      ...{ path: this.#pathOf(uploadId), blobPath: this.#pathOf(blobId) },
      ...(file === undefined ? {} : { file }),
    });
  }

  /** Reads regular files only. Does not follow symbolic links. */
  async *read(
    id: BlobId,
    { from = 0, pieceSize = READ_SIZE }: ReadOptions = {},
  ): AsyncGenerator<Bytes, void, void> {
    const found = await this.#find(id);
    if (found === undefined) throw notFound(id);
    using file = await this.#open(id, { read: true });
    if (!isSameFile(found, await file.stat())) throw notFound(id);
    if (from > 0) await file.seek(from, Deno.SeekMode.Start);
    const buffer = new Uint8Array(pieceSize);
    for (;;) {
      const piece = await readFull(file, buffer);
      if (piece.length > 0) yield piece;
      if (piece.length < pieceSize) return;
    }
  }

  /** Opens a file that was found a moment ago. */
  async #open(id: BlobId | UploadId, options: Deno.OpenOptions): Promise<Deno.FsFile> {
    try {
      return await this.#fs.open(this.#pathOf(id), options);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw notFound(id, error);
      throw error;
    }
  }

  async stat(id: BlobId | UploadId): Promise<{ readonly size: number } | undefined> {
    const found = await this.#find(id);
    return found && { size: found.size };
  }

  async delete(id: BlobId | UploadId): Promise<void> {
    if (isStorePath(id)) await removeIfThere(this.#fs, this.#pathOf(id));
  }

  /** Does not descend into folders that are not an owner's. */
  async *list(): AsyncGenerator<BlobId, void, void> {
    for await (const owner of this.#fs.readDir(join(this.#folder, FILES))) {
      const id = blobIdOf(owner.name);
      if (!owner.isDirectory || !isBlobName(owner.name)) yield id;
      else {
        for await (const { name } of this.#fs.readDir(join(this.#folder, id))) {
          yield blobIdOf(owner.name, name);
        }
      }
    }
  }

  async sweepUploads(keep: (id: UploadId) => Promise<boolean>): Promise<number> {
    const staging = join(this.#folder, STAGING);
    let count = 0;
    for await (const { name, isFile } of this.#fs.readDir(staging)) {
      if (!isFile || !isBlobName(name) || await keep(uploadIdOf(name))) continue;
      await this.#fs.remove(join(staging, name));
      count++;
    }
    return count;
  }

  async isOccupied(id: BlobId): Promise<boolean> {
    return isStorePath(id) && await infoOf(this.#fs, this.#pathOf(id)) !== undefined;
  }

  newQuarantinePlace(): string {
    return newQuarantinePath();
  }

  async quarantine(id: BlobId, place: string): Promise<void> {
    await this.#moveToQuarantine(id, place);
  }

  async quarantineContent(content: Bytes, place: string): Promise<void> {
    const writer = await this.create({ owner: NO_OWNER });
    await writer.write(0, content);
    await writer.suspend(content.length);
    await this.#moveToQuarantine(writer.uploadId, place);
  }

  async recordQuarantined(entry: string): Promise<void> {
    await addToRecord(this.#folder, new TextEncoder().encode(`${entry}\n`), this.#fs);
  }

  async #moveToQuarantine(id: BlobId | UploadId, place: string): Promise<void> {
    const [source, target] = [this.#pathOf(id), this.#pathOf(place)];
    await createOwnFolder(this.#fs, join(this.#folder, QUARANTINE));
    try {
      await this.#fs.rename(source, target);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    for (const folder of [dirname(target), dirname(source)]) await syncFolder(this.#fs, folder);
  }

  /** The path of a blob or upload. Throws {@link BlobNotFound} for an id that is not one of a disk store. */
  #pathOf(id: string): string {
    if (!isStorePath(id)) throw notFound(id);
    return join(this.#folder, id);
  }

  /** A regular file in a real folder, or `undefined`. */
  async #find(id: BlobId | UploadId): Promise<Deno.FileInfo | undefined> {
    if (!isStorePath(id)) return undefined;
    const path = this.#pathOf(id);
    const folder = await infoOf(this.#fs, dirname(path));
    const file = await infoOf(this.#fs, path);
    return folder?.isDirectory && file?.isFile ? file : undefined;
  }
}

function notFound(id: string, cause?: unknown): BlobNotFound {
  return new BlobNotFound(`cannot use ${printable(id)}: not a regular file`, { cause });
}

async function infoOf(fs: FileSystem, path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await fs.lstat(path);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isMissing) return undefined;
    throw error;
  }
}
