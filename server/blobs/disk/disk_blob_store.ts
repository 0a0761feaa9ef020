/**
 * Blobs as files: `staging/<random>` while they are written, `files/<owner id>/<random>` from their commit on.
 *
 * @module
 */
import { join } from "node:path";
import type { Bytes } from "../../../protocol/bytes.ts";
import { printable } from "../../../protocol/printable.ts";
import {
  FILES,
  isBlobName,
  isPlace,
  newBlobPath,
  newStagedPath,
  QUARANTINE,
  STAGING,
} from "./paths.ts";
import type { BlobStore, ReadOptions, StagedBlob } from "../blob_store.ts";
import {
  createOwnFolder,
  type FileSystem,
  isSameFile,
  readFull,
  removeIfThere,
  syncFolder,
} from "../../fs/file_system.ts";
import { Coalesced } from "./coalesced.ts";
import { StagedFile, type StagedPath } from "./staged_file.ts";

/** Blobs are read in pieces of this many bytes. */
const READ_SIZE = 256 * 1024;
/** Owners' folders that are known to be durable; a server has few owners at work at a time. */
const MAX_KNOWN_FOLDERS = 4096;

export class DiskBlobStore implements BlobStore {
  readonly #folder: string;
  readonly #fs: FileSystem;
  readonly #known = new Set<string>();
  /** Folders whose names are being made durable. */
  readonly #syncing = new Map<string, Coalesced>();

  /** A store below `folder`, which exists, with the folders that it needs. */
  static async create(folder: string, fs: FileSystem): Promise<DiskBlobStore> {
    for (const name of [STAGING, FILES]) await createOwnFolder(fs, join(folder, name));
    return new DiskBlobStore(folder, fs);
  }

  /** A store that is there. */
  constructor(folder: string, fs: FileSystem) {
    this.#folder = folder;
    this.#fs = fs;
  }

  stage(): Promise<StagedBlob> {
    return Promise.resolve(new StagedFile(this.#place(newStagedPath())));
  }

  async resume(path: string, size: number): Promise<StagedBlob> {
    const there = await this.size(path);
    if (there === undefined || there < size) {
      throw new Deno.errors.NotFound(`Cannot resume ${path}: it has not ${size} bytes`);
    }
    const file = await this.#fs.open(this.#at(path), { write: true });
    try {
      await file.truncate(size);
    } catch (error) {
      file.close();
      throw error;
    }
    return new StagedFile(this.#place(path), file);
  }

  #place(path: string): StagedPath {
    return {
      ...{ fs: this.#fs, path, file: this.#at(path) },
      move: (to) => this.#move(this.#at(path), to),
      syncFolder: () => this.#syncFolder(join(this.#folder, STAGING)),
    };
  }

  #at(path: string): string {
    if (!isPlace(path)) throw notPlain(path);
    return join(this.#folder, path);
  }

  newPath(ownerId: Bytes): string {
    return newBlobPath(ownerId);
  }

  async *read(
    path: string,
    { from = 0, pieceSize = READ_SIZE }: ReadOptions = {},
  ): AsyncGenerator<Bytes, void, void> {
    const there = await this.#find(path);
    if (there === undefined) throw notPlain(path);
    using file = await this.#fs.open(this.#at(path), { read: true });
    if (!isSameFile(there, await file.stat())) throw notPlain(path);
    if (from > 0) await file.seek(from, Deno.SeekMode.Start);
    const buffer = new Uint8Array(pieceSize);
    for (;;) {
      const piece = await readFull(file, buffer);
      if (piece.length > 0) yield piece;
      if (piece.length < pieceSize) return;
    }
  }

  async remove(path: string): Promise<void> {
    if (isPlace(path)) await removeIfThere(this.#fs, this.#at(path));
  }

  async *list(): AsyncGenerator<string, void, void> {
    for await (const owner of this.#fs.readDir(join(this.#folder, FILES))) {
      const folder = `${FILES}/${owner.name}`;
      if (!owner.isDirectory || !isBlobName(owner.name)) yield folder;
      else {
        for await (const { name } of this.#fs.readDir(join(this.#folder, folder))) {
          yield `${folder}/${name}`;
        }
      }
    }
  }

  async size(path: string): Promise<number | undefined> {
    return (await this.#find(path))?.size;
  }

  async has(path: string): Promise<boolean> {
    return isPlace(path) && await infoOf(this.#fs, this.#at(path)) !== undefined;
  }

  async quarantine(path: string, to: string): Promise<void> {
    const [source, target] = [this.#at(path), this.#at(to)];
    await createOwnFolder(this.#fs, join(this.#folder, QUARANTINE));
    try {
      await this.#fs.rename(source, target);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    for (const folder of [join(target, ".."), join(source, "..")]) {
      await syncFolder(this.#fs, folder);
    }
  }

  /** Moves a staged file into its owner's folder, which is made where it is missing; durable when it resolves. */
  async #move(from: string, path: string): Promise<void> {
    const target = this.#at(path);
    const folder = join(target, "..");
    // A folder that another upload has just made is durable for that one's sake only when it says so.
    if (!this.#known.has(folder)) await this.#makeDurable(folder);
    try {
      await this.#fs.rename(from, target);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      // It has been removed since.
      await this.#makeDurable(folder);
      await this.#fs.rename(from, target);
    }
    await this.#syncFolder(folder);
  }

  /** Makes the names in a folder durable; those that ask while it is done are done together afterwards. */
  #syncFolder(folder: string): Promise<void> {
    let syncing = this.#syncing.get(folder);
    if (syncing === undefined) {
      syncing = new Coalesced(
        () => syncFolder(this.#fs, folder),
        () => this.#syncing.delete(folder),
      );
      this.#syncing.set(folder, syncing);
    }
    return syncing.run();
  }

  async #makeDurable(folder: string): Promise<void> {
    await createOwnFolder(this.#fs, folder);
    if (this.#known.size >= MAX_KNOWN_FOLDERS) this.#known.clear();
    this.#known.add(folder);
  }

  /** A plain file in a plain folder, or `undefined`. */
  async #find(path: string): Promise<Deno.FileInfo | undefined> {
    if (!isPlace(path)) return undefined;
    const target = this.#at(path);
    const folder = await infoOf(this.#fs, join(target, ".."));
    const file = await infoOf(this.#fs, target);
    return folder?.isDirectory && file?.isFile ? file : undefined;
  }

  async sweep(isKept: (path: string) => Promise<boolean> = nothing): Promise<number> {
    const staging = join(this.#folder, STAGING);
    let count = 0;
    for await (const { name, isFile } of this.#fs.readDir(staging)) {
      if (!isFile || !isBlobName(name) || await isKept(`${STAGING}/${name}`)) continue;
      await this.#fs.remove(join(staging, name));
      count++;
    }
    return count;
  }
}

function notPlain(path: string): Error {
  return new Deno.errors.NotFound(`Cannot use ${printable(path)}: there is no plain file`);
}

async function infoOf(fs: FileSystem, path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await fs.lstat(path);
  } catch (error) {
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (gone) return undefined;
    throw error;
  }
}

function nothing(): Promise<boolean> {
  return Promise.resolve(false);
}
