/**
 * The lock of a data folder or a backup, which one process holds at a time. It ends with the process.
 *
 * @module
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { XferError } from "../../protocol/errors.ts";
import { DATA_LOCK } from "../../protocol/server_files.ts";
import { LOCKED } from "../catalog/sqlite/locked.ts";
import { acquireInTurn, noteServed } from "./served_folders.ts";

/** The time for a process that is just ending, in milliseconds: any other keeps the lock. It blocks this process. */
const WAIT_MS = 500;

/** The error for a folder that is in use, by "this process" or "another process". */
export type InUse = (by: string, cause?: unknown) => XferError;

/** Locks an existing folder until the lock is disposed of. `name`: of the lock. Throws the error of `inUse`. */
export function lockFolder(
  path: string,
  inUse: InUse,
  name: string = DATA_LOCK,
): Promise<Disposable> {
  return acquireInTurn(() => acquireLock(join(path, name), inUse));
}

async function acquireLock(file: string, inUse: InUse): Promise<Disposable> {
  await createPrivately(file);
  const noted = await noteServed(file);
  if (noted === undefined) throw inUse("this process");
  try {
    const lock = lockExclusively(file);
    return {
      [Symbol.dispose]() {
        lock.close();
        noted[Symbol.dispose]();
      },
    };
  } catch (cause) {
    noted[Symbol.dispose]();
    if (!(cause instanceof Error && cause.message.includes(LOCKED))) throw cause;
    throw inUse("another process", cause);
  }
}

/** Begins an exclusive transaction, which lasts until the database is closed. */
function lockExclusively(file: string): DatabaseSync {
  const lock = new DatabaseSync(file);
  try {
    lock.exec(`PRAGMA busy_timeout = ${WAIT_MS}; BEGIN EXCLUSIVE`);
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

/**
 * Creates a file that only its owner can read, if it is missing. SQLite would create one that everyone can read. An
 * existing file is not opened: closing it would end this process's locks on it.
 */
export async function createPrivately(path: string): Promise<void> {
  try {
    using _file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
