/**
 * `me.stored`, the files that were last stored from this folder, newest first, in one line of JSON each. It is for
 * people only; nothing depends on it.
 *
 * @module
 */
import { join } from "node:path";
import { withFolderLock } from "./folder_lock.ts";
import { MAX_SMALL_FILE, readTextFileIfThere } from "../local/read_small_file.ts";
import { writePrivateFile } from "../local/atomic_file.ts";

export const STORED_FILE = "me.stored";

/** The number of uploads that are remembered. To see all files, people list those on the server. */
export const MAX_LAST_STORED = 10;

export interface LastStored {
  /** Its name on the server. */
  readonly name: string;
  readonly size: number;
  readonly cksum: number;
  /** The time at which the server confirmed the file, in milliseconds since the epoch, by the local clock. */
  readonly storedAt: number;
  readonly user: string;
  /** HOST:PORT. */
  readonly server: string;
}

/**
 * Returns the files that were last stored, newest first. Ignores invalid lines. Throws `StorageError` `cannot-read`.
 */
export async function readLastStored(folder: string): Promise<LastStored[]> {
  const text = await readTextFileIfThere(join(folder, STORED_FILE)) ?? "";
  return text.split("\n").flatMap(parse).slice(0, MAX_LAST_STORED);
}

/**
 * Adds files, newest first, and keeps the last {@link MAX_LAST_STORED}. Throws `StorageError` `cannot-write`, and the
 * errors of `withFolderLock`.
 */
export async function keepLastStored(folder: string, files: readonly LastStored[]): Promise<void> {
  if (files.length === 0) return;
  await withFolderLock(folder, async () => {
    const before = await readLastStored(folder).catch(() => []);
    const lines: string[] = [];
    let room = MAX_SMALL_FILE;
    for (const file of [...files, ...before].slice(0, MAX_LAST_STORED)) {
      const line = `${JSON.stringify(file)}\n`;
      room -= new TextEncoder().encode(line).length;
      if (room < 0) break;
      lines.push(line);
    }
    await writePrivateFile(join(folder, STORED_FILE), lines.join(""));
  });
}

function parse(line: string): LastStored[] {
  try {
    const { name, size, cksum, storedAt, user, server } = JSON.parse(line);
    const texts = [name, user, server].every((value) => typeof value === "string");
    const numbers = [size, cksum, storedAt].every((value) => Number.isSafeInteger(value));
    const isTime = !Number.isNaN(new Date(storedAt).getTime());
    if (texts && numbers && isTime) return [{ name, size, cksum, storedAt, user, server }];
  } catch {
    // An invalid line.
  }
  return [];
}
