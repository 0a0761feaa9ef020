/**
 * The lock for changes to the files that all clients of one folder share.
 *
 * @module
 */
import { join } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError } from "../../protocol/errors.ts";
import { lock } from "../local/file_lock.ts";

/** An empty file. The client that holds its lock may change the shared files of the folder. */
export const LOCK_FILE = "me.lock";
/** In milliseconds. The holder creates a key or writes a line, which takes seconds on a slow disk. */
const WAIT_MS = 10_000;

/**
 * Resolves when the earlier calls of this process have ended. They queue here because each wait for a lock occupies a
 * thread.
 */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Runs `work` while no other client, in this process or another, changes the shared files of the folder. On a file
 * system without locks, other processes are not excluded. Throws what `work` throws, and `StorageError` `folder-busy`,
 * `cannot-write`.
 */
export function withFolderLock<T>(
  folder: string,
  work: () => Promise<T>,
  waitMs = WAIT_MS,
): Promise<T> {
  const done = turn.then(async () => {
    const path = join(folder, LOCK_FILE);
    const file = await open(path);
    const locked = await lock(file, waitMs);
    if (locked === "busy") throw busy(path, waitMs);
    try {
      return await work();
    } finally {
      if (locked === "locked") file.close();
    }
  });
  turn = done.catch(() => undefined);
  return done;
}

async function open(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new StorageError("cannot-write", `cannot write ${printable(path)}: ${reason}`, {
      hint: "Check that the folder is writable and has free space.",
      cause,
    });
  }
}

function busy(path: string, waitMs: number): StorageError {
  return new StorageError(
    "folder-busy",
    `cannot lock ${printable(path)}: another client has held the lock for ${waitMs / 1000} s`,
    { hint: "Wait until the other client ends, or end it." },
  );
}
