/**
 * Writes small files atomically: a file is complete or absent.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError, UsageError, XferError } from "../../protocol/errors.ts";
import { SYSTEM_CALLS } from "./system_calls.ts";

/** In milliseconds. No write takes this long, so an older temporary file is from a run that was killed. */
const LEFT_MS = 3_600_000;

/**
 * Writes `text` to `path` with mode 0600: to a temporary file beside it, then syncs and renames it. Throws
 * `StorageError` `cannot-write`.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  await writeWhole(path, text, 0o600, (temporary) => replace(temporary, path));
}

/**
 * Writes a file that anyone may read. Returns `false` if `path` exists and `force` is not set. Throws `StorageError`
 * `cannot-write`.
 */
export async function writeFile(path: string, text: string, force: boolean): Promise<boolean> {
  if (!force && await isThere(path)) return false;
  return await writeWhole(
    path,
    text,
    0o666,
    (temporary) => {
      if (force) replace(temporary, path);
      else if (!moveToFree(temporary, path)) return false;
      return true;
    },
  );
}

/** `place` moves the temporary file to its name. If it returns `false`, the temporary file is removed. */
async function writeWhole<T>(
  path: string,
  text: string,
  mode: number,
  place: (temporary: string) => T,
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
      const placed = place(temporary);
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
      `cannot write ${printable(path)}: ${reasonOf(cause)}`,
      { hint: "Check that the folder is writable and has free space.", cause },
    );
  }
}

/** Moves a file over `target`. Throws as `check` does. */
export function replace(path: string, target: string, check = replaceable): void {
  check(target);
  Deno.renameSync(path, target);
}

/**
 * Returns what is at `path` if one of xfer's own files may replace it: nothing (`undefined`), a file, or a link to a
 * file. The link itself is replaced, not its file. Throws `UsageError` `target-exists` for anything else: other programs
 * need a device, or a link to one, and a link to nothing may later lead to a device.
 */
function replaceable(path: string): Deno.FileInfo | undefined {
  return inspect(path, (led) => led?.isFile === true);
}

/**
 * Returns what is at `path` if a download may overwrite it: as {@link replaceable} does, and also a link to a folder or
 * to nothing, because downloads create such links. Throws as it does.
 */
export function overwritable(path: string): Deno.FileInfo | undefined {
  return inspect(path, (led) => led === undefined || led.isFile || led.isDirectory);
}

/** `mayLead`: whether a link to this may be replaced; to nothing if `undefined`. */
function inspect(
  path: string,
  mayLead: (led: Deno.FileInfo | undefined) => boolean,
): Deno.FileInfo | undefined {
  const info = infoIfThere(Deno.lstatSync, path);
  if (info === undefined || info.isFile) return info;
  if (!info.isSymlink) throw notReplaced(path, kindOf(info));
  const led = infoIfThere(Deno.statSync, path);
  if (mayLead(led)) return info;
  throw notReplaced(path, `a link to ${led === undefined ? "nothing" : kindOf(led)}`);
}

function infoIfThere(
  inspect: (path: string) => Deno.FileInfo,
  path: string,
): Deno.FileInfo | undefined {
  try {
    return inspect(path);
  } catch {
    return undefined; // no such file, or no permission to see it
  }
}

function notReplaced(path: string, kind: string): UsageError {
  return new UsageError("target-exists", `cannot overwrite ${printable(path)}: it is ${kind}`, {
    hint: "Choose another path, or remove it first.",
  });
}

/** The kind of a file, for messages. */
export function kindOf(info: Deno.FileInfo): string {
  if (info.isFile) return "a file";
  if (info.isDirectory) return "a folder";
  if (info.isFifo === true) return "a FIFO";
  if (info.isSocket === true) return "a socket";
  return "a device";
}

/**
 * Moves a file to `target` if that is free. Returns whether it was. A rename would overwrite a file that appears in
 * between; the call of Linux and a link do not.
 */
export function moveToFree(path: string, target: string): boolean {
  if (SYSTEM_CALLS?.renameToFree(path, target) === true) return true;
  try {
    Deno.linkSync(path, target);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    // The file system may not support links.
    if (infoIfThere(Deno.lstatSync, target) !== undefined) return false;
    Deno.renameSync(path, target);
    return true;
  }
  Deno.removeSync(path);
  return true;
}

/** Removes temporary files that killed runs have left, because they may contain a key. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const begin = `${basename(path)}.`;
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !name.startsWith(begin) || !TEMPORARY.test(name.slice(begin.length))) continue;
    const left = join(folder, name);
    // Another client may have renamed or removed the file meanwhile.
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

/** Whether anything is at a path, without following links. */
async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Makes new and changed names in a folder durable. */
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
