/**
 * Small files written so that they are there whole or not at all.
 *
 * @module
 */
import { dirname } from "node:path";
import { ConfigurationError, printable, StorageError, XferError } from "../protocol/mod.ts";

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

export function cannotRead(path: string, cause: unknown): XferError {
  if (cause instanceof XferError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StorageError("cannot-read", `Cannot read ${printable(path)}: ${reason}`, { cause });
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

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
