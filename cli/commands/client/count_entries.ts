/**
 * Counts what a change would concern.
 *
 * @module
 */
import type { ConnectionPool } from "../../../client/mod.ts";
import { RefusedError } from "../../../protocol/errors.ts";

export interface Amounts {
  /** The number of files, folders and links. */
  readonly entries: number;
  /** Their bytes. */
  readonly size: number;
}

export interface CountedName extends Amounts {
  /** Whether something is in it, if it is a folder. */
  readonly isFull: boolean;
}

/** Counts a name and everything in it. Throws `RefusedError` `no-such-file`. */
export async function countEntries(
  pool: Pick<ConnectionPool, "list" | "use">,
  name: string,
): Promise<CountedName> {
  let [entries, size] = [0, 0];
  const own = await pool.use(0, (client) => client.stat(name)).catch((error) => {
    if (error instanceof RefusedError) return error;
    throw error;
  });
  if (!(own instanceof RefusedError)) [entries, size] = [1, own.size];
  else if (own.code === "damaged") entries = 1;
  const before = entries;
  if (own instanceof RefusedError ? own.code !== "damaged" : own.entry === "folder") {
    await pool.list(`${name}/`, (file) => {
      entries++;
      size += file.size;
    }, { takeDamaged: () => void entries++ });
  }
  if (entries === 0) throw own;
  return { entries, size, isFull: entries > before };
}
