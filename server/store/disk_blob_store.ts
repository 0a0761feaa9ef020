/**
 * Blobs as files: `staging/<random>` while they are written, `files/<owner id>/<random>` from their commit on.
 *
 * @module
 */
import { join } from "node:path";
import { type Bytes, toHex } from "../../protocol/mod.ts";
import type { BlobStore, StagedBlob } from "./blob_store.ts";
import { createOwnFolder, type FileSystem, syncFolder, writeAll } from "./file_system.ts";

export const STAGING = "staging";
export const FILES = "files";
export const QUARANTINE = "quarantine";

/** Blobs are read in pieces of this many bytes. */
const READ_SIZE = 256 * 1024;
const BLOB_ID_SIZE = 16;
const BLOB_NAME = /^[0-9a-f]{32}$/;

export class DiskBlobStore implements BlobStore {
  readonly #folder: string;
  readonly #fs: FileSystem;

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

  async stage(): Promise<StagedBlob> {
    const path = join(this.#folder, STAGING, randomName());
    const file = await this.#fs.open(path, { write: true, createNew: true, mode: 0o600 });
    return new StagedFile(this.#folder, this.#fs, path, file);
  }

  newPath(ownerId: Bytes): string {
    return `${FILES}/${toHex(ownerId)}/${randomName()}`;
  }

  async *read(path: string): AsyncGenerator<Bytes, void, void> {
    const there = await this.#find(path);
    using file = await this.#fs.open(join(this.#folder, path), { read: true });
    const { dev, ino } = await file.stat();
    // What was looked at is what was opened: no link has taken its place in between.
    if (there === undefined || there.dev !== dev || there.ino !== ino) throw notPlain(path);
    const buffer = new Uint8Array(READ_SIZE);
    for (;;) {
      const size = await file.read(buffer);
      if (size === null) return;
      yield buffer.subarray(0, size);
    }
  }

  async remove(path: string): Promise<void> {
    await removeIfThere(this.#fs, join(this.#folder, path));
  }

  async *list(): AsyncGenerator<string, void, void> {
    for await (const owner of this.#fs.readDir(join(this.#folder, FILES))) {
      const folder = `${FILES}/${owner.name}`;
      if (!owner.isDirectory || !BLOB_NAME.test(owner.name)) yield folder;
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
    return await infoOf(this.#fs, join(this.#folder, path)) !== undefined;
  }

  async quarantine(path: string): Promise<string> {
    const source = join(this.#folder, path);
    const target = `${QUARANTINE}/${randomName()}`;
    await createOwnFolder(this.#fs, join(this.#folder, QUARANTINE));
    await this.#fs.rename(source, join(this.#folder, target));
    for (const folder of [join(this.#folder, QUARANTINE), join(source, "..")]) {
      await syncFolder(this.#fs, folder);
    }
    return target;
  }

  /** A plain file in a plain folder, or `undefined`. */
  async #find(path: string): Promise<Deno.FileInfo | undefined> {
    const target = join(this.#folder, path);
    const folder = await infoOf(this.#fs, join(target, ".."));
    const file = await infoOf(this.#fs, target);
    return folder?.isDirectory && file?.isFile ? file : undefined;
  }

  async sweep(): Promise<number> {
    const staging = join(this.#folder, STAGING);
    let count = 0;
    for await (const { name, isFile } of this.#fs.readDir(staging)) {
      if (!isFile || !BLOB_NAME.test(name)) continue;
      await this.#fs.remove(join(staging, name));
      count++;
    }
    return count;
  }
}

class StagedFile implements StagedBlob {
  readonly #folder: string;
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #state: "open" | "closed" | "gone" = "open";

  constructor(folder: string, fs: FileSystem, path: string, file: Deno.FsFile) {
    this.#folder = folder;
    this.#fs = fs;
    this.#path = path;
    this.#file = file;
  }

  async write(bytes: Bytes): Promise<void> {
    await writeAll(this.#file, bytes);
  }

  async seal(): Promise<void> {
    if (this.#state !== "open") return;
    await this.#file.sync();
    this.#close();
  }

  async commit(path: string): Promise<void> {
    const target = join(this.#folder, path);
    const targetFolder = join(target, "..");
    await this.seal();
    await createOwnFolder(this.#fs, targetFolder);
    await this.#fs.rename(this.#path, target);
    this.#state = "gone";
    await syncFolder(this.#fs, targetFolder);
  }

  async discard(): Promise<void> {
    if (this.#state === "gone") return;
    this.#close();
    await removeIfThere(this.#fs, this.#path);
    this.#state = "gone";
  }

  #close(): void {
    if (this.#state === "open") this.#file.close();
    this.#state = "closed";
  }
}

function notPlain(path: string): Error {
  return new Deno.errors.NotFound(`Cannot read ${path}: there is no plain file`);
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

async function removeIfThere(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function randomName(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(BLOB_ID_SIZE)));
}
