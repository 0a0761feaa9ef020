/**
 * Small files written so that they are there whole or not at all.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError, UsageError, XferError } from "../../protocol/errors.ts";

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
      `Cannot write ${printable(path)}: ${reasonOf(cause)}`,
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
