/**
 * Small files written so that they are there whole or not at all.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable, StorageError } from "../protocol/mod.ts";

/**
 * Writes `text` to `path` with mode 0600: to a temporary file beside it, synced, renamed. Throws `StorageError`
 * `cannot-write`.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    try {
      using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
      const bytes = new TextEncoder().encode(text);
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
      await file.sync();
    } catch (error) {
      await removeIfThere(temporary);
      throw error;
    }
    await Deno.rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    throw new StorageError(
      "cannot-write",
      `Cannot write ${printable(path)}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { hint: "Check that the folder is writable and has room.", cause },
    );
  }
}

/** The text of a file, or `undefined` where there is none. Throws `StorageError` `cannot-read`. */
export async function readTextFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new StorageError(
      "cannot-read",
      `Cannot read ${printable(path)}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/**
 * Keeps a copy of a file as `PATH.old`, or `PATH.old2`, `PATH.old3` … where those are other files. Returns the copy's path.
 * Throws `StorageError` `cannot-write`.
 */
export async function keepCopy(path: string): Promise<string> {
  const text = await readTextFileIfThere(path);
  for (let number = 1;; number++) {
    const copy = `${path}.old${number === 1 ? "" : number}`;
    const there = await readTextFileIfThere(copy);
    if (there === text) return copy;
    if (there !== undefined) continue;
    await writePrivateFile(copy, text ?? "");
    return copy;
  }
}

async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path, { read: true });
  await folder.sync();
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
