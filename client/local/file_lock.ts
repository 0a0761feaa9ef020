/**
 * Exclusive locks on files.
 *
 * @module
 */

export type Locked = "locked" | "busy" | "unsupported";

/**
 * Locks an open file until it is closed, and returns `locked`. Closes the file and returns `busy` if another process
 * holds the lock for longer than `waitMs`, or `unsupported` if the file system has no locks.
 */
export async function lock(file: Deno.FsFile, waitMs: number): Promise<Locked> {
  const locking = file.lock(true).then(() => "locked" as const, () => "unsupported" as const);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<"busy">((resolve) => {
    timer = setTimeout(() => resolve("busy"), waitMs);
  });
  const locked = await Promise.race([locking, timeout]);
  clearTimeout(timer);
  // A pending lock cannot be cancelled. It is released as soon as it is granted.
  if (locked === "busy") locking.then(() => file.close());
  else if (locked === "unsupported") file.close();
  return locked;
}
