/**
 * Files that are to be their owner's alone, as far as the system has owners and modes.
 *
 * @module
 */
import { type FileHandle, open } from "node:fs/promises";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { cannotRead, readSmall } from "../local/read_small_file.ts";

export interface Permissions {
  /** The permission bits, with others above them or without. */
  readonly mode: number;
  /** The owner's user id. */
  readonly uid: number;
}

/** What is wrong with a file that should be private. */
export type Flaw = "foreign" | "writable" | "readable";

const OTHERS_WRITE = 0o022;
const OTHERS_READ = 0o044;
const ANYBODY_WRITES = 0o002;
const STICKY = 0o1000;

/** The worst that is wrong with a file, seen by the user `ownUid`. */
export function flawOf({ mode, uid }: Permissions, ownUid: number): Flaw | undefined {
  if (uid !== ownUid) return "foreign";
  if ((mode & OTHERS_WRITE) !== 0) return "writable";
  return (mode & OTHERS_READ) !== 0 ? "readable" : undefined;
}

/**
 * Whether anybody can put another file in the place of one in the folder. A folder like /tmp is fine: in it only owners
 * remove files, and a file of another owner is refused. So is one that a group can write, which on many systems is
 * every folder, of a group with one member.
 */
export function isOpenToAnybody({ mode }: Permissions): boolean {
  return (mode & ANYBODY_WRITES) !== 0 && (mode & STICKY) === 0;
}

/**
 * Whether the folder lets anybody replace the identity. Reported, not refused: who can write there can also write
 * transfer.info and name another server.
 */
export async function isFolderOpen(path: string): Promise<boolean> {
  try {
    const { mode, uid } = await Deno.stat(path);
    return mode !== null && uid !== null && isOpenToAnybody({ mode, uid });
  } catch {
    return false; // what is wrong with it shows when its files are read
  }
}

/**
 * The text of a small private file, or `undefined` where there is none. One that others can read is made private first,
 * and `onTightened` called. All checks are on the open file, so that none other takes its place. Throws
 * `ConfigurationError`: `identity-not-private` where others can write it or it is another's, `oversized-file`; and
 * `StorageError` `cannot-read`.
 */
export async function readPrivateFile(
  path: string,
  onTightened: () => void,
): Promise<string | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    if (await makePrivate(file, path)) onTightened();
    return await readSmall(reader(file), path);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ENOENT") return undefined;
    throw cannotRead(path, cause);
  } finally {
    await file?.close();
  }
}

/** Whether something had to be changed. */
async function makePrivate(file: FileHandle, path: string): Promise<boolean> {
  const ownUid = Deno.uid();
  if (ownUid === null) return false; // Windows: a file has the permissions of its folder
  const permissions = await file.stat();
  const flaw = flawOf(permissions, ownUid);
  if (flaw === undefined) return false;
  if (flaw !== "readable") throw notPrivate(path, flaw, permissions, ownUid);
  // Deno's own files can't change their mode; by its path it could be another file by now.
  await file.chmod(0o600);
  return true;
}

function notPrivate(
  path: string,
  flaw: Exclude<Flaw, "readable">,
  { mode, uid }: Permissions,
  ownUid: number,
): ConfigurationError {
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  const [what, remedy] = flaw === "writable"
    ? [`others can write it (mode ${(mode & 0o7777).toString(8).padStart(4, "0")})`, ""]
    : [`it belongs to user ${uid}, not to user ${ownUid}`, `sudo chown ${ownUid} ${quoted} && `];
  return new ConfigurationError(
    "identity-not-private",
    `Cannot trust ${printable(path)}: ${what}, who could put an identity of his own there`,
    { hint: `If its content is yours: ${remedy}chmod 600 ${quoted}` },
  );
}

function reader(file: FileHandle) {
  return {
    read: async (buffer: Uint8Array) => (await file.read(buffer, 0, buffer.length, null)).bytesRead,
  };
}
