/**
 * Small files written so that they are there whole or not at all.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import {
  ConfigurationError,
  printable,
  StorageError,
  UsageError,
  whyFailed,
  XferError,
} from "../protocol/mod.ts";

/** Of nobody's writing: a run that was killed has left it. No write takes so long, in milliseconds. */
const LEFT_MS = 3_600_000;

/**
 * Writes `text` to `path` with mode 0600: to a temporary file beside it, synced, renamed. Throws `StorageError`
 * `cannot-write`.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  await writeWhole(path, text, 0o600, (temporary) => replace(temporary, path));
}

/**
 * Writes a file that anybody may read. Returns whether it did: without `force` it takes the place of none. Throws
 * `StorageError` `cannot-write`.
 */
export async function writeFile(path: string, text: string, force: boolean): Promise<boolean> {
  if (!force && await isThere(path)) return false;
  return await writeWhole(
    path,
    text,
    0o666,
    async (temporary) => {
      if (force) await replace(temporary, path);
      else if (!(await moveToFree(temporary, path))) return false;
      return true;
    },
  );
}

/** `place` gives the file its name; where it returns `false` the file is removed instead. */
async function writeWhole<T>(
  path: string,
  text: string,
  mode: number,
  place: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await removeLeftovers(path);
    try {
      {
        using file = await Deno.open(temporary, { write: true, createNew: true, mode });
        const bytes = new TextEncoder().encode(text);
        for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
        await file.sync();
      }
      const placed = await place(temporary);
      if (placed === false) await Deno.remove(temporary);
      else await syncFolder(dirname(path));
      return placed;
    } catch (error) {
      await removeIfThere(temporary);
      throw error;
    }
  } catch (cause) {
    if (cause instanceof XferError) throw cause;
    throw new StorageError(
      "cannot-write",
      `Cannot write ${printable(path)}: ${whyFailed(cause)}`,
      { hint: "Check that the folder is writable and has room.", cause },
    );
  }
}

/** Gives a file another name, in place of a file that has it. Throws as {@link replaceable} does. */
export async function replace(path: string, target: string): Promise<void> {
  await replaceable(target);
  await Deno.rename(path, target);
}

/**
 * What has a name that is to be a file's: nothing, a file, or a link to one, which is replaced itself. Throws `UsageError`
 * `target-exists` for all else: a device is of use to others, a link to one leads there, and a link to nothing may do so
 * later.
 */
export async function replaceable(path: string): Promise<Deno.FileInfo | undefined> {
  const info = await Deno.lstat(path).catch(() => undefined);
  if (info === undefined || info.isFile) return info;
  if (!info.isSymlink) throw notReplaced(path, kindOf(info));
  const led = await Deno.stat(path).catch(() => undefined);
  if (led?.isFile !== true) {
    throw notReplaced(path, `a link to ${led === undefined ? "nothing" : kindOf(led)}`);
  }
  return info;
}

function notReplaced(path: string, kind: string): UsageError {
  return new UsageError("target-exists", `${printable(path)} is ${kind}, which is not replaced`, {
    hint: "Name another place, or remove it first.",
  });
}

/** What is there, in words. */
export function kindOf(info: Deno.FileInfo): string {
  if (info.isFile) return "a file";
  if (info.isDirectory) return "a folder";
  if (info.isFifo === true) return "a FIFO";
  if (info.isSocket === true) return "a socket";
  return "a device";
}

/**
 * Gives a file another name, if that is free: a rename would replace what came there meanwhile, a link does not. Returns
 * whether it was.
 */
export async function moveToFree(path: string, target: string): Promise<boolean> {
  try {
    await Deno.link(path, target);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    // A file system without links.
    if (await isThere(target)) return false;
    await Deno.rename(path, target);
    return true;
  }
  await Deno.remove(path);
  return true;
}

/** Removes what runs that were killed have left of a file: there may be a key in it. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const begin = `${basename(path)}.`;
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !name.startsWith(begin) || !TEMPORARY.test(name.slice(begin.length))) continue;
    const left = join(folder, name);
    // Another client's may be in its place meanwhile.
    const mtime = (await lstatIfThere(left))?.mtime ?? null;
    if (mtime !== null && Date.now() - mtime.getTime() > LEFT_MS) await removeIfThere(left);
  }
}

async function lstatIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const TEMPORARY = /^[0-9a-f-]{36}\.tmp$/;

/** Whether anything has this name. */
export async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** The real path, or `undefined` if nothing is there; whoever opens it reports that. */
export async function realPath(path: string): Promise<string | undefined> {
  return await Deno.realPath(path).catch(() => undefined);
}

/** A path that a user names, and what is there. */
export interface Named {
  readonly path: string;
  /** Without links, where there is anything. */
  readonly real: string | undefined;
  readonly info: Deno.FileInfo | undefined;
}

/** Looks at a path that a user named; whoever opens it reports what is wrong with it. */
export async function lookAt(path: string): Promise<Named> {
  const real = await realPath(path);
  const info = real === undefined ? undefined : await Deno.stat(real).catch(() => undefined);
  return { path, real, info };
}

/** A small file holds at most so many bytes: an identity with its key takes about 900. */
export const MAX_SMALL_FILE = 16 * 1024;

/**
 * The text of a small file, or `undefined` where there is none. Throws `StorageError` `cannot-read`, and
 * `ConfigurationError` `oversized-file`.
 */
export async function readTextFileIfThere(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path, { read: true });
    return await readSmall(file, path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cannotRead(path, cause);
  }
}

/** The text of an open small file, whatever its size is said to be. Throws `ConfigurationError` `oversized-file`. */
export async function readSmall(
  file: { read(buffer: Uint8Array): Promise<number | null> },
  path: string,
): Promise<string> {
  const buffer = new Uint8Array(MAX_SMALL_FILE + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const size = await file.read(buffer.subarray(filled));
    if (!size) return new TextDecoder().decode(buffer.subarray(0, filled));
    filled += size;
  }
  throw new ConfigurationError(
    "oversized-file",
    `${printable(path)} has more than ${MAX_SMALL_FILE} bytes; it can't be a file of xfer's`,
    { hint: "Move it away." },
  );
}

/** How a hint begins for what is there and can't be read. */
export const READABLE = "See that it is a file, and that you may read it";

/** A `StorageError` `cannot-read`, or what xfer itself has said of it. */
export function cannotRead(path: string, cause: unknown, hint = `${READABLE}.`): XferError {
  if (cause instanceof XferError) return cause;
  const reason = whyUnreadable(cause);
  return new StorageError("cannot-read", `Cannot read ${printable(path)}: ${reason}`, {
    hint,
    cause,
  });
}

/** Why something can't be read, as it is said behind its path. */
function whyUnreadable(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is none";
  return whyFailed(cause);
}

/** So many copies of one file are kept: a server that denies every time must not fill the folder. */
const MAX_COPIES = 20;

/**
 * Keeps a copy of a file as `PATH.old`, or `PATH.old2`, `PATH.old3` … where those are other files. Returns the copy's path.
 * Throws `StorageError` `cannot-write`, and `ConfigurationError` `too-many-copies`.
 */
export async function keepCopy(path: string): Promise<string> {
  const text = await readTextFileIfThere(path);
  for (let number = 1; number <= MAX_COPIES; number++) {
    const copy = `${path}.old${number === 1 ? "" : number}`;
    const there = await readTextFileIfThere(copy);
    if (there === text) return copy;
    if (there !== undefined) continue;
    await writePrivateFile(copy, text ?? "");
    return copy;
  }
  throw new ConfigurationError(
    "too-many-copies",
    `The server denies the identity of ${
      printable(path)
    }, and ${MAX_COPIES} earlier ones are kept already`,
    { hint: `Remove or move those that nobody needs: ${printable(path)}.old and its like.` },
  );
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path, { read: true });
  await folder.sync();
}

export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
