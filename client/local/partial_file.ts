/**
 * The part of a file that has been downloaded, beside its target. A later run resumes it; one run at a time has it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError, UsageError, XferError } from "../../protocol/errors.ts";
import { lock } from "./file_lock.ts";
import { moveToFree, replace, syncFolder } from "./atomic_file.ts";

/** Bytes of a name, at most, on all usual file systems. */
const MAX_NAME = 255;
/** A run that has the part is waited for, in milliseconds: it may be about to end. */
const LOCK_MS = 100;
/** So often it is tried to open a part while others replace it. */
const ATTEMPTS = 5;
/** Bytes written between two early syncs: one sync at the end would have to wait for all of them. */
const SYNC_EVERY = 32 * 1024 * 1024;

/** How the names of parts end. */
const PART = ".xfer-part";

/** Where the part of a file is kept from one run to the next. */
export function partPath(target: string): string {
  const plain = `.${basename(target)}${PART}`;
  if (new TextEncoder().encode(plain).length <= MAX_NAME) return join(dirname(target), plain);
  const short = createHash("sha256").update(basename(target)).digest("hex").slice(0, 32);
  return join(dirname(target), `.${short}${PART}`);
}

/** Whether a path may be that of a part. */
export function isPart(path: string): boolean {
  return path.endsWith(PART);
}

/** How a part is called that no later run finds. */
const UNFINDABLE = /^\.xfer-[0-9a-f-]{36}\.tmp$/;

/** Whether a file's name is one that parts have. */
export function isPartName(name: string): boolean {
  return (name.startsWith(".") && isPart(name)) || UNFINDABLE.test(name);
}

export class PartialFile {
  readonly path: string;
  /** Whether a later run finds it. */
  readonly isFindable: boolean;
  readonly #target: string;
  readonly #file: Deno.FsFile;
  /** Ends when what was asked for so far is done: a file does one thing at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Where its handle is; unknown after a failure. */
  #position: number | undefined;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #closed = false;

  private constructor(target: string, path: string, file: Deno.FsFile, isFindable: boolean) {
    this.#target = target;
    this.path = path;
    this.#file = file;
    this.isFindable = isFindable;
  }

  /**
   * The part of a target that an earlier run has left, `undefined` where there is none: it is a file of the user's
   * own, which nobody else can read, under this name alone, and no other run has it.
   */
  static async find(target: string): Promise<PartialFile | undefined> {
    const path = partPath(target);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const info = await Deno.lstat(path).catch(() => undefined);
      if (info === undefined || !isOwn(info)) return undefined;
      const file = await Deno.open(path, { read: true, write: true }).catch(() => undefined);
      if (file === undefined) continue;
      // Another file may have taken its place since lstat, or during the wait for the lock.
      if (!isSame(info, await file.stat())) file.close();
      else if (await lock(file, LOCK_MS) !== "locked") return undefined;
      else if (isSame(info, await Deno.lstat(path).catch(() => undefined))) {
        return new PartialFile(target, path, file, true);
      } else file.close();
    }
    return undefined;
  }

  /** A new one, findable where that name is free. Throws `StorageError` `cannot-write`. */
  static async create(target: string, findable: boolean): Promise<PartialFile> {
    const options = { read: true, write: true, createNew: true, mode: 0o600 };
    if (findable) {
      const path = partPath(target);
      const file = await Deno.open(path, options).catch(() => undefined);
      if (file !== undefined && await lock(file, LOCK_MS) === "locked") {
        return new PartialFile(target, path, file, true);
      }
    }
    const path = join(dirname(target), `.xfer-${crypto.randomUUID()}.tmp`);
    const file = await writing(target, () => Deno.open(path, options));
    const part = new PartialFile(target, path, file, false);
    part.#position = 0;
    return part;
  }

  /** The bytes at an offset: fewer than the buffer has room for where the file ends. Throws `StorageError`. */
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

  /** Writes bytes where they belong. Throws `StorageError` `cannot-write`. */
  write(offset: number, bytes: Bytes): Promise<void> {
    return this.#inTurn(async () => {
      if (offset !== this.#position) await this.#file.seek(offset, Deno.SeekMode.Start);
      this.#position = undefined;
      for (let done = 0; done < bytes.length;) {
        done += await this.#file.write(bytes.subarray(done));
      }
      this.#position = offset + bytes.length;
      this.#unsynced += bytes.length;
      if (this.#unsynced < SYNC_EVERY || this.#syncing !== undefined) return;
      this.#unsynced = 0;
      this.#syncing = this.#syncEarly().finally(() => this.#syncing = undefined);
    });
  }

  /** Cuts off what is behind so many bytes, and returns how many are there. Throws `StorageError` `cannot-write`. */
  truncate(size: number): Promise<number> {
    return this.#inTurn(async () => {
      const { size: there } = await this.#file.stat();
      if (there > size) await this.#file.truncate(size);
      return Math.min(there, size);
    });
  }

  /**
   * Makes the content durable and gives it its place: without `force` never that of something which is there already.
   * The folder is to be synced. Throws `UsageError` `target-exists`, `StorageError` `cannot-write`.
   */
  async publish(target: string, force: boolean, mtime: Date | undefined): Promise<void> {
    await this.#inTurn(async () => {
      // A time that the system does not take is no reason to be without the file.
      if (mtime !== undefined) await this.#file.utime(mtime, mtime).catch(() => undefined);
      await this.#file.sync();
      if (force) await replace(this.path, target);
      else if (!(await moveToFree(this.path, target))) throw exists(target);
    });
    await this.close();
  }

  /** Leaves it for a later run. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#end();
  }

  /** Removes it. */
  async discard(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Deno.remove(this.path).catch(() => undefined);
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#turn;
    await this.#syncing;
    this.#file.close();
  }

  /** By a file of its own, beside which this one can be written. It is no loss where it fails: all is synced at the end. */
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

/** Makes names in a folder durable. Throws `StorageError` `cannot-write`. */
export function syncNames(folder: string): Promise<void> {
  return writing(folder, () => syncFolder(folder));
}

/** Throws `UsageError` `target-exists`. */
export function exists(target: string): UsageError {
  return new UsageError("target-exists", `${printable(target)} is there already`, {
    hint: "Name another place: -o PATH, or replace it: --force.",
  });
}

/** What the system appends of its call: in it is the name that a file has only for now. */
const CALL = /: [a-z]+ '.*'$/s;

/** Says of a failure what could not be written: a path that the user knows. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof XferError) throw cause;
    const reason = reasonOf(cause).replace(CALL, "");
    throw new StorageError("cannot-write", `Cannot write ${printable(path)}: ${reason}`, {
      hint: "Check that the folder is writable and has room.",
      cause,
    });
  }
}

/** Whether nobody else has anything to do with a file: it is no link, under one name, and private. */
function isOwn({ isFile, isSymlink, nlink, uid, mode }: Deno.FileInfo): boolean {
  if (!isFile || isSymlink || (nlink ?? 1) !== 1) return false;
  if (Deno.build.os === "windows") return true;
  return uid === Deno.uid() && mode !== null && (mode & 0o077) === 0;
}

function isSame(a: Deno.FileInfo, b: Deno.FileInfo | undefined): boolean {
  return b !== undefined && a.ino === b.ino && a.dev === b.dev;
}
