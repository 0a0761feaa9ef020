/**
 * The data folders that this process serves. POSIX locks keep other processes out but not one's own, and all that a
 * process has on a file are gone when it closes any descriptor of that file: a folder that is served here is refused
 * before its lock is touched.
 *
 * @module
 */

/** By device and inode of the lock, whichever path leads there. A lock that is held is open: its inode is not reused. */
const served = new Set<string>();

/** Takes note that this process serves the folder of a lock; `undefined` where it does already. The lock is not opened. */
export async function noteServed(lock: string): Promise<Disposable | undefined> {
  const { dev, ino } = await Deno.stat(lock);
  const key = ino === null ? await Deno.realPath(lock) : `${dev}:${ino}`;
  if (served.has(key)) return undefined;
  served.add(key);
  return { [Symbol.dispose]: () => void served.delete(key) };
}
