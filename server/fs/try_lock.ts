/**
 * Locks of files that several processes may write.
 *
 * @module
 */

/** The time to wait for a lock, in milliseconds. Its holder keeps it as long as an upload is open. */
const WAIT_MS = 500;

/**
 * Locks a file until it is closed, by this process or the system. If another descriptor has locked it, closes the file and
 * returns `false`. Throws if the file system has no locks.
 */
export async function tryLock(file: Deno.FsFile): Promise<boolean> {
  // Not every version of Deno can try it without waiting.
  const locking = file.lock(true).then(() => true);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), WAIT_MS);
  });
  try {
    if (await Promise.race([locking, timeout])) return true;
  } finally {
    clearTimeout(timer);
  }
  // A pending lock cannot be cancelled. It is released as soon as it is granted.
  locking.then(() => file.close(), () => file.close());
  return false;
}
