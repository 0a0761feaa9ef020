/**
 * A blob as a file that is being written.
 *
 * @module
 */
import type { Bytes } from "../../../protocol/bytes.ts";
import type { StagedBlob } from "../blob_store.ts";
import { type FileSystem, removeIfThere, writeAll } from "../../fs/file_system.ts";

/** Appended bytes that may wait for the disk: so many and it begins to take them, long before the file's end. */
const WRITE_BACK_SIZE = 64 * 1024 * 1024;

/** Where a staged file is, and what its store does for it. */
export interface StagedPath {
  readonly fs: FileSystem;
  /** In the store. */
  readonly path: string;
  /** In the file system. */
  readonly file: string;
  /** Moves it to its place among the blobs, durably. */
  readonly move: (path: string) => Promise<void>;
  /** Makes its name durable. */
  readonly syncFolder: () => Promise<void>;
}

/** It is opened when it is first written: a small one is opened, written, synced and closed in a row. */
export class StagedFile implements StagedBlob {
  readonly #place: StagedPath;
  #file: Deno.FsFile | undefined;
  /** Changes before anything is awaited: only an open file is written to, and only one that is not gone is worked on. */
  #state: "open" | "sealed" | "gone" = "open";
  /** Where the file's handle is. */
  #position: number | undefined;
  /** The end of what was appended. */
  #end = 0;
  /** Ends when what was asked for so far is done: a file's handle does one thing at a time. */
  #busy: Promise<unknown> = Promise.resolve();
  #dirty = 0;
  #named = false;
  /** Ends when the disk has taken what was written at some moment. */
  #writingBack: Promise<void> | undefined;
  #sealed: Promise<void> | undefined;
  #moved: Promise<void> | undefined;
  #discarded: Promise<void> | undefined;

  /** `file` is there where it was staged before. */
  constructor(place: StagedPath, file?: Deno.FsFile) {
    this.#place = place;
    this.#file = file;
  }

  get path(): string {
    return this.#place.path;
  }

  async write(bytes: Bytes): Promise<void> {
    const at = this.#end;
    this.#end += bytes.length;
    await this.writeAt(at, bytes);
    this.#dirty += bytes.length;
    if (this.#dirty < WRITE_BACK_SIZE || this.#writingBack !== undefined) return;
    this.#dirty = 0;
    // What fails here fails in the sync at the end too, on which alone durability depends.
    this.#writingBack = this.#writeBack().catch(() => undefined)
      .finally(() => this.#writingBack = undefined);
  }

  writeAt(offset: number, bytes: Bytes): Promise<void> {
    return this.#inTurn(async (file) => {
      if (offset !== this.#position) await file.seek(offset, Deno.SeekMode.Start);
      this.#position = undefined; // should it fail
      await writeAll(file, bytes);
      this.#position = offset + bytes.length;
    });
  }

  async sync(): Promise<void> {
    await this.#busy;
    await this.#writeBack();
    await this.#makeNameDurable();
  }

  seal(): Promise<void> {
    return this.#sealOnce((file) => file.sync());
  }

  async commit(path: string): Promise<void> {
    await this.seal();
    if (this.#state === "gone") throw this.#over();
    this.#moved = this.#place.move(path);
    await this.#moved;
    this.#state = "gone";
  }

  async leave(size: number): Promise<void> {
    await this.#sealOnce(async (file) => {
      await file.truncate(size);
      await file.sync();
    });
    await this.#makeNameDurable();
  }

  discard(): Promise<void> {
    if (this.#state !== "gone") {
      this.#state = "gone";
      this.#discarded = this.#discard();
    }
    return this.#discarded ?? Promise.resolve();
  }

  async #discard(): Promise<void> {
    await Promise.allSettled([this.#busy, this.#writingBack, this.#moved]);
    this.#close();
    await removeIfThere(this.#place.fs, this.#place.file);
  }

  #sealOnce(lastWork: (file: Deno.FsFile) => Promise<void>): Promise<void> {
    if (this.#sealed === undefined) {
      const sealing = this.#inTurn(async (file) => {
        await this.#writingBack;
        await lastWork(file);
      });
      if (this.#state === "open") this.#state = "sealed";
      this.#sealed = sealing.then(() => this.#close());
    }
    return this.#sealed;
  }

  /**
   * Does work with the file when what was asked for before is done; what has failed before fails this too, and so does
   * the end of the file.
   */
  #inTurn(work: (file: Deno.FsFile) => Promise<unknown>): Promise<void> {
    if (this.#state !== "open") return Promise.reject(this.#over());
    const done = this.#busy.then(async () => {
      if (this.#state === "gone") throw this.#over();
      this.#file ??= await this.#create();
      await work(this.#file);
    });
    this.#busy = done;
    // Whoever has asked is told.
    done.catch(() => undefined);
    return done;
  }

  async #create(): Promise<Deno.FsFile> {
    const { fs, file } = this.#place;
    const created = await fs.open(file, { write: true, createNew: true, mode: 0o600 });
    this.#position = 0;
    return created;
  }

  /**
   * Has the disk take what is written so far while more comes, so that the sync at the end has little left to do. It has
   * a handle of its own.
   */
  async #writeBack(): Promise<void> {
    using file = await this.#place.fs.open(this.#place.file, { write: true });
    await file.syncData();
  }

  async #makeNameDurable(): Promise<void> {
    if (!this.#named) await this.#place.syncFolder();
    this.#named = true;
  }

  #over(): Error {
    return new Error(`Cannot write ${this.path}: it is ${this.#state}`);
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
