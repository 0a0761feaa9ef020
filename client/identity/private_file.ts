/**
 * Files that only their owner may access, as far as the system has owners and modes.
 *
 * @module
 */
import { closeSync, fchmodSync, fstatSync, openSync, readSync } from "node:fs";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { cannotRead, readSmall, refusePipe } from "../local/read_small_file.ts";

export interface Permissions {
  /** The permission bits, possibly with the file type. */
  readonly mode: number;
  /** The owner's uid. */
  readonly uid: number;
}

/** Why a file is not private. */
export type Flaw = "foreign" | "writable" | "readable";

const OTHERS_WRITE = 0o022;
const OTHERS_READ = 0o044;
const ANYBODY_WRITES = 0o002;
const STICKY = 0o1000;

/** Returns the worst flaw of a file for the user `ownUid`. */
export function flawOf({ mode, uid }: Permissions, ownUid: number): Flaw | undefined {
  if (uid !== ownUid) return "foreign";
  if ((mode & OTHERS_WRITE) !== 0) return "writable";
  return (mode & OTHERS_READ) !== 0 ? "readable" : undefined;
}

/**
 * Whether anyone can replace a file in the folder. A sticky folder like /tmp counts as closed: only owners can remove
 * files there, and a file of another owner is refused. So does a group-writable folder, because on many systems every
 * folder is group-writable, for a group with one member.
 */
export function isOpenToAnybody({ mode }: Permissions): boolean {
  return (mode & ANYBODY_WRITES) !== 0 && (mode & STICKY) === 0;
}

/**
 * Whether anyone can replace the identity in the folder. This is reported, not refused: they could also write
 * transfer.info and name another server.
 */
export async function isFolderOpen(path: string): Promise<boolean> {
  try {
    const { mode, uid } = await Deno.stat(path);
    return mode !== null && uid !== null && isOpenToAnybody({ mode, uid });
  } catch {
    return false; // reading its files reports the error
  }
}

/**
 * Returns the text of a small private file, or `undefined` if it does not exist. A file that others can read is made
 * private first, and `onTightened` is called. All checks use the open file, so that it cannot be exchanged in between.
 * Throws `ConfigurationError` `identity-not-private` if others can write to the file or it belongs to another user,
 * `oversized-file`; `StorageError` `cannot-read`.
 */
// deno-lint-ignore require-await
export async function readPrivateFile(
  path: string,
  onTightened: () => void,
): Promise<string | undefined> {
  let file: number | undefined;
  try {
    refusePipe(path);
    const opened = file = openSync(path, "r");
    if (makePrivate(opened, path)) onTightened();
    return readSmall((buffer) => readSync(opened, buffer), path);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ENOENT") return undefined;
    throw cannotRead(path, cause);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Returns whether the mode was changed. */
function makePrivate(file: number, path: string): boolean {
  const ownUid = Deno.uid();
  if (ownUid === null) return false; // Windows: a file has the permissions of its folder
  const permissions = fstatSync(file);
  const flaw = flawOf(permissions, ownUid);
  if (flaw === undefined) return false;
  if (flaw !== "readable") throw notPrivate(path, flaw, permissions, ownUid);
  // A `Deno.FsFile` cannot change its mode, and the path could lead to another file by now.
  fchmodSync(file, 0o600);
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
    ? [`others can write to it (mode ${(mode & 0o7777).toString(8).padStart(4, "0")})`, ""]
    : [`it belongs to uid ${uid}, not to yours, ${ownUid}`, `sudo chown ${ownUid} ${quoted} && `];
  return new ConfigurationError(
    "identity-not-private",
    `cannot trust ${printable(path)}: ${what}`,
    { hint: `If the content is yours, run: ${remedy}chmod 600 ${quoted}` },
  );
}
