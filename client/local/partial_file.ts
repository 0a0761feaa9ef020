/**
 * A partial download, in a file beside its target. A later run resumes it. One run at a time uses it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { WRITE_SIZE } from "../../protocol/memory.ts";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError, UsageError, XferError } from "../../protocol/errors.ts";
import { lock } from "./file_lock.ts";
import { DirectWrites } from "./direct_writes.ts";
import { moveToFree, overwritable, replace } from "./atomic_file.ts";
import { isTemporaryName, temporaryPath } from "./temporary_files.ts";

/** The longest file name on all common file systems, in bytes. */
const MAX_NAME = 255;
/** The time to wait for a run that holds the lock, in milliseconds: it may be about to end. */
const LOCK_MS = 100;
/** The most attempts to open a partial download while other runs replace it. */
const ATTEMPTS = 5;
/** Bytes written between two early syncs. A single sync at the end would have to wait for everything. */
const SYNC_EVERY = 32 * 1024 * 1024;

/** The suffix of partial downloads. */
const PART = ".xfer-part";

/** The path of the partial download of `target`, the same in every run. */
export function partPath(target: string): string {
  const plain = `.${basename(target)}${PART}`;
  if (new TextEncoder().encode(plain).length <= MAX_NAME) return join(dirname(target), plain);
  const short = createHash("sha256").update(basename(target)).digest("hex").slice(0, 32);
  return join(dirname(target), `.${short}${PART}`);
}

/** Whether a path may be that of a partial download. */
export function isPart(path: string): boolean {
  return path.endsWith(PART);
}

/** Whether a file name is that of a partial download. */
export function isPartName(name: string): boolean {
  return (name.startsWith(".") && isPart(name)) || isTemporaryName(name);
}

export class PartialFile {
  readonly path: string;
  /** Whether a later run can find and resume it. */
  readonly isFindable: boolean;
  readonly #target: string;
  readonly #file: Deno.FsFile;
  /** Resolves when the earlier operations have ended, because a file can do only one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The offset of the file handle; `undefined` after a failure. */
  #position: number | undefined;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #closed = false;
  #direct: DirectWrites | undefined;

  private constructor(target: string, path: string, file: Deno.FsFile, isFindable: boolean) {
    this.#target = target;
    this.path = path;
    this.#file = file;
    this.isFindable = isFindable;
  }

  /**
   * Opens the partial download of a target that an earlier run has left. Returns `undefined` if none exists or it
   * cannot be trusted: it must be a private file of the user, under this name alone, and no other run may have locked
   * it.
   */
  static async find(target: string): Promise<PartialFile | undefined> {
    const path = partPath(target);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const info = await Deno.lstat(path).catch(() => undefined);
      if (info === undefined || !isOwn(info)) return undefined;
      const file = await Deno.open(path, { read: true, write: true }).catch(() => undefined);
      if (file === undefined) continue;
      // Another file may have taken its place since `lstat`, or during the wait for the lock.
      if (!isSame(info, await file.stat())) file.close();
      else if (await lock(file, LOCK_MS) !== "locked") return undefined;
      else if (isSame(info, await Deno.lstat(path).catch(() => undefined))) {
        return new PartialFile(target, path, file, true);
      } else file.close();
    }
    return undefined;
  }

  /**
   * Creates one; with `findable`, under the name that later runs find, if that is free. Throws `StorageError`
   * `cannot-write`.
   */
  static async create(target: string, findable: boolean): Promise<PartialFile> {
    const options = { read: true, write: true, createNew: true, mode: 0o600 };
    if (findable) {
      const path = partPath(target);
      const file = await Deno.open(path, options).catch(() => undefined);
      if (file !== undefined && await lock(file, LOCK_MS) === "locked") {
        return new PartialFile(target, path, file, true);
      }
    }
    const path = temporaryPath(target);
    const file = await writing(target, () => Deno.open(path, options));
    const part = new PartialFile(target, path, file, false);
    part.#position = 0;
    return part;
  }

  /** Writes past the page cache from now on, where the system can: see {@link DirectWrites}. */
  writeDirectly(): void {
    this.#direct ??= DirectWrites.open(this.path);
  }

  /** Reads at an offset. Returns fewer bytes than the buffer can hold at the end of the file. Throws `StorageError`. */
  read(offset: number, buffer: Bytes): Promise<Bytes> {
    return this.#inTurn(async () => {
      this.#position = undefined;
      await this.#file.seek(offset, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < buffer.length) {
        const size = await this.#file.read(buffer.subarray(filled));
        if (size === null) break;
        filled += size;
      }
      return buffer.subarray(0, filled);
    });
  }

  /** Writes bytes at an offset. Throws `StorageError` `cannot-write`. */
  write(offset: number, bytes: Bytes): Promise<void> {
    return this.#inTurn(async () => {
      const direct = await this.#direct?.write(offset, bytes) ?? 0;
      if (direct === bytes.length) return;
      offset += direct;
      bytes = bytes.subarray(direct);
      if (offset !== this.#position) await this.#file.seek(offset, Deno.SeekMode.Start);
      this.#position = undefined;
      for (let done = 0; done < bytes.length;) {
        done += await this.#file.write(bytes.subarray(done, done + WRITE_SIZE));
      }
      this.#position = offset + bytes.length;
      this.#unsynced += bytes.length;
      if (this.#unsynced < SYNC_EVERY || this.#syncing !== undefined) return;
      this.#unsynced = 0;
      this.#syncing = this.#syncEarly().finally(() => this.#syncing = undefined);
    });
  }

  /** Shortens the file to at most `size` bytes. Returns its size. Throws `StorageError` `cannot-write`. */
  truncate(size: number): Promise<number> {
    return this.#inTurn(async () => {
      const { size: there } = await this.#file.stat();
      if (there > size) await this.#file.truncate(size);
      return Math.min(there, size);
    });
  }

  /**
   * Makes the content durable and moves it to `target`. Without `force`, it overwrites nothing. `prepare` gets the path
   * just before, to set the file's mode and time. The caller syncs the folder. Throws `UsageError` `target-exists`,
   * `StorageError` `cannot-write`.
   */
  async publish(
    target: string,
    force: boolean,
    prepare: (path: string) => Promise<void>,
  ): Promise<void> {
    await this.#inTurn(async () => {
      await prepare(this.path);
      await this.#file.sync();
      try {
        if (force) replace(this.path, target, overwritable);
        else if (!moveToFree(this.path, target)) throw exists(target);
      } catch (error) {
        // Only a private file is resumed.
        if (Deno.build.os !== "windows") await Deno.chmod(this.path, 0o600).catch(() => undefined);
        throw error;
      }
    });
    await this.close();
  }

  /** Closes the file and keeps it for a later run. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#end();
  }

  /** Closes and removes the file. */
  async discard(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Deno.remove(this.path).catch(() => undefined);
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#turn;
    await this.#syncing;
    this.#direct?.[Symbol.dispose]();
    this.#file.close();
  }

  /**
   * Syncs through another handle, so that writing can continue. Errors don't matter: everything is synced at the end.
   */
  async #syncEarly(): Promise<void> {
    try {
      using file = await Deno.open(this.path);
      await file.syncData();
    } catch {
      return;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => writing(this.#target, work));
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** A `UsageError` `target-exists`. */
export function exists(target: string): UsageError {
  return new UsageError("target-exists", `${printable(target)} already exists`, {
    hint: "Choose another path with -o PATH, or add --force to overwrite it.",
  });
}

/** The call that Deno appends to the system's message. It names a temporary path. */
const CALL = /: [a-z]+ '.*'$/s;

/** Converts errors to `StorageError` `cannot-write` for `path`, which the user knows. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof XferError ? cause : cannotWrite(path, cause);
  }
}

/** A `StorageError` `cannot-write` for `path`, which the user knows. */
export function cannotWrite(path: string, cause: unknown): StorageError {
  const reason = reasonOf(cause).replace(CALL, "");
  return new StorageError("cannot-write", `cannot write ${printable(path)}: ${reason}`, {
    hint: "Check that the folder is writable and has free space.",
    cause,
  });
}

/** Whether a file is private to the user: not a link, under one name, and accessible to nobody else. */
function isOwn({ isFile, isSymlink, nlink, uid, mode }: Deno.FileInfo): boolean {
  if (!isFile || isSymlink || (nlink ?? 1) !== 1) return false;
  if (Deno.build.os === "windows") return true;
  return uid === Deno.uid() && mode !== null && (mode & 0o077) === 0;
}

function isSame(a: Deno.FileInfo, b: Deno.FileInfo | undefined): boolean {
  return b !== undefined && a.ino === b.ino && a.dev === b.dev;
}
