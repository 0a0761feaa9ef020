/**
 * One client at a time changes what all clients in an identity's folder share.
 *
 * @module
 */
import { join } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError } from "../../protocol/errors.ts";
import { lock } from "../local/file_lock.ts";

/** Whose lock it is who changes what the clients of an identity's folder share; nothing is in it. */
export const LOCK_FILE = "me.lock";
/** A key is made, or a line written, in milliseconds, on a slow disk in seconds: so long another client is waited for. */
const WAIT_MS = 10_000;

/** Ends when what was asked for so far in this process is done: each lock that is waited for takes up a thread. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Changes what the clients of an identity's folder share, while no other does, in this process or in another; where
 * the file system has no locks, in another it may. Throws what `work` does, and `StorageError` `folder-busy`,
 * `cannot-write`.
 */
export function whileAlone<T>(
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
    throw new StorageError("cannot-write", `Cannot write ${printable(path)}: ${reason}`, {
      hint: "Check that the folder is writable and has room.",
      cause,
    });
  }
}

function busy(path: string, waitMs: number): StorageError {
  return new StorageError(
    "folder-busy",
    `Another client has had ${printable(path)} locked for ${waitMs / 1000} s`,
    { hint: "Wait until it has ended, or end it: it may hang." },
  );
}
