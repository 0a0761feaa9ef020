/**
 * The data folders that this process serves. POSIX locks keep out other processes, but not the process that holds them. All of a
 * process's locks on a file end when it closes any descriptor of it. A folder that is served here is therefore refused
 * before its lock is opened, and locks are acquired one after another, because acquiring one can create its file and close it.
 *
 * @module
 */

/**
 * By device and inode of the lock, which identify it under any path. The lock stays open, so its inode is not reused.
 */
const served = new Set<string>();

/**
 * Records that this process serves the folder of a lock. Returns `undefined` if it already does. Does not open the
 * lock.
 */
export async function noteServed(lock: string): Promise<Disposable | undefined> {
  const { dev, ino } = await Deno.stat(lock);
  const key = ino === null ? await Deno.realPath(lock) : `${dev}:${ino}`;
  if (served.has(key)) return undefined;
  served.add(key);
  return { [Symbol.dispose]: () => void served.delete(key) };
}

let last: Promise<unknown> = Promise.resolve();

/** Runs `acquire` after all earlier calls have ended, so that none closes a file on which another holds a lock. */
export function acquireInTurn<T>(acquire: () => Promise<T>): Promise<T> {
  const result = last.then(acquire);
  last = result.catch(() => undefined);
  return result;
}
