/**
 * A file belongs to one client at a time.
 *
 * @module
 */

export type Locked = "locked" | "busy" | "unsupported";

/**
 * Has an open file for itself, until it is closed: `locked`. It is closed here where others have it for longer than is
 * waited, `busy`, or its file system has no locks, `unsupported`.
 */
export async function lock(file: Deno.FsFile, waitMs: number): Promise<Locked> {
  const locking = file.lock(true).then(() => "locked" as const, () => "unsupported" as const);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<"busy">((resolve) => {
    timer = setTimeout(() => resolve("busy"), waitMs);
  });
  const locked = await Promise.race([locking, timeout]);
  clearTimeout(timer);
  // A lock that is waited for can't be taken back: it is given up when it has come.
  if (locked === "busy") locking.then(() => file.close());
  else if (locked === "unsupported") file.close();
  return locked;
}
