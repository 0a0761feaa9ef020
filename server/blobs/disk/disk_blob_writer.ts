/**
 * An upload as a file in the staging folder, which `finish` renames to its blob.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { BlobId, BlobWriter, UploadId } from "../blob_store.ts";
import { type FileSystem, removeIfThere, writeAll } from "../../fs/file_system.ts";
import { tryLock } from "../../fs/try_lock.ts";
import { Coalesced } from "./coalesced.ts";
import type { DurableFolders } from "./durable_folders.ts";

/** The file is synced in the background after this many bytes, so that the last sync has little left to do. */
const WRITE_BACK_SIZE = 32 * 1024 * 1024;

export interface DiskBlobWriterOptions {
  readonly fs: FileSystem;
  readonly folders: DurableFolders;
  readonly uploadId: UploadId;
  readonly blobId: BlobId;
  /** The path of the upload, and that of its blob. */
  readonly path: string;
  readonly blobPath: string;
  /** Whether other processes may want to write the file. It is locked then, and closed last. */
  readonly isShared: boolean;
  /** The open file of an upload that is resumed, locked if it `isShared`. */
  readonly file?: Deno.FsFile;
}

/**
 * The file is created by the first write. For a small file, opening, writing, syncing and closing follow each other
 * directly.
 */
export class DiskBlobWriter implements BlobWriter {
  readonly uploadId: UploadId;
  readonly blobId: BlobId;
  readonly #fs: FileSystem;
  readonly #folders: DurableFolders;
  readonly #path: string;
  readonly #blobPath: string;
  readonly #isShared: boolean;
  #file: Deno.FsFile | undefined;
  /** Changes before anything is awaited. Writes are accepted while it is open. No work begins once it is gone. */
  #state: "open" | "closed" | "gone" = "open";
  /** The position of the file handle, if known. */
  #position: number | undefined;
  /** The last operation on the handle, which does one thing at a time. */
  #busy: Promise<unknown> = Promise.resolve();
  /** Bytes written since the last sync began. */
  #unsynced = 0;
  /** The writes to await before the next sync. */
  #toSync: Promise<unknown> = this.#busy;
  readonly #syncs = new Coalesced(() => this.#syncWritten());
  /** The running sync. */
  #syncing: Promise<void> | undefined;
  #isNameDurable = false;
  #closed: Promise<void> | undefined;
  #finished: Promise<void> | undefined;
  #aborted: Promise<void> | undefined;

  constructor(options: DiskBlobWriterOptions) {
    this.uploadId = options.uploadId;
    this.blobId = options.blobId;
    this.#fs = options.fs;
    this.#folders = options.folders;
    this.#path = options.path;
    this.#blobPath = options.blobPath;
    this.#isShared = options.isShared;
    this.#file = options.file;
  }

  write(offset: number, bytes: Bytes): Promise<void> {
    const written = this.#enqueue(async (file) => {
      if (offset !== this.#position) await file.seek(offset, Deno.SeekMode.Start);
      this.#position = undefined; // unknown if the write fails
      await writeAll(file, bytes);
      this.#position = offset + bytes.length;
    });
    this.#unsynced += bytes.length;
    const isDue = this.#unsynced >= WRITE_BACK_SIZE && this.#syncing === undefined;
    // If this sync fails, so does the last one, on which durability depends.
    if (isDue && this.#state === "open") this.#sync().catch(() => undefined);
    return written;
  }

  async checkpoint(upTo: number): Promise<number> {
    await (this.#state === "open" ? this.#sync() : this.close());
    await this.#makeNameDurable();
    return upTo;
  }

  close(): Promise<void> {
    return this.#close((file) => file.sync());
  }

  async suspend(upTo: number): Promise<number> {
    await this.#close(async (file) => {
      await file.truncate(upTo);
      await file.sync();
    });
    this.#closeFile();
    await this.#makeNameDurable();
    return upTo;
  }

  async finish(): Promise<void> {
    await this.close();
    if (this.#state === "gone") throw this.#over();
    this.#finished = this.#rename();
    await this.#finished;
    this.#closeFile();
    this.#state = "gone";
  }

  abort(): Promise<void> {
    if (this.#state !== "gone") {
      this.#state = "gone";
      this.#aborted = this.#delete();
    }
    return this.#aborted ?? Promise.resolve();
  }

  /** Renames the upload to its blob in the owner's folder, durably. Creates the folder if it is missing. */
  async #rename(): Promise<void> {
    const folder = dirname(this.#blobPath);
    await this.#folders.ensure(folder);
    try {
      await this.#fs.rename(this.#path, this.#blobPath);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      // The folder was removed in the meantime.
      await this.#folders.create(folder);
      await this.#fs.rename(this.#path, this.#blobPath);
    }
    await this.#folders.sync(folder);
  }

  async #delete(): Promise<void> {
    await Promise.allSettled([this.#busy, this.#syncing, this.#finished]);
    if (!this.#isShared) this.#closeFile();
    try {
      await removeIfThere(this.#fs, this.#path);
    } finally {
      this.#closeFile();
    }
  }

  /** Does the last work, then closes the file. Only the first call has an effect. */
  #close(lastWork: (file: Deno.FsFile) => Promise<void>): Promise<void> {
    if (this.#closed === undefined) {
      const closing = this.#enqueue(async (file) => {
        await this.#syncing?.catch(() => undefined);
        await lastWork(file);
      });
      if (this.#state === "open") this.#state = "closed";
      // Its lock keeps others from writing the file until it has its new name.
      this.#closed = closing.then(() => this.#isShared ? undefined : this.#closeFile());
    }
    return this.#closed;
  }

  /** Runs work on the file after all earlier work. After a failure, all later work fails too. */
  #enqueue(work: (file: Deno.FsFile) => Promise<unknown>): Promise<void> {
    if (this.#state !== "open") return Promise.reject(this.#over());
    const done = this.#busy.then(async () => {
      if (this.#state === "gone") throw this.#over();
      this.#file ??= await this.#create();
      await work(this.#file);
    });
    this.#busy = done;
    // The caller handles the failure. Later work only repeats it.
    done.catch(() => undefined);
    return done;
  }

  async #create(): Promise<Deno.FsFile> {
    const created = await this.#fs.open(this.#path, { write: true, createNew: true, mode: 0o600 });
    this.#position = 0;
    if (this.#isShared) await tryLock(created);
    return created;
  }

  /** Syncs all earlier writes. Concurrent calls share one sync. */
  #sync(): Promise<void> {
    this.#unsynced = 0;
    this.#toSync = this.#busy;
    const syncing = this.#syncs.run();
    this.#syncing = syncing;
    const settle = () => {
      if (this.#syncing === syncing) this.#syncing = undefined;
    };
    syncing.then(settle, settle);
    return syncing;
  }

  /** Syncs the file through a handle of its own, so that writing can continue. */
  async #syncWritten(): Promise<void> {
    await this.#toSync;
    using file = await this.#fs.open(this.#path, { write: true });
    await file.syncData();
  }

  async #makeNameDurable(): Promise<void> {
    if (!this.#isNameDurable) await this.#folders.sync(dirname(this.#path));
    this.#isNameDurable = true;
  }

  #over(): Error {
    return new Error(`cannot write ${this.uploadId}: it is ${this.#state}`);
  }

  #closeFile(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
