/**
 * Permissions of a data folder, on POSIX systems.
 *
 * @module
 */
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable, shellWord } from "../../protocol/printable.ts";
import { BACKUP_STATES, DATA_FILES } from "../../protocol/server_files.ts";
import { FILES, QUARANTINE, QUARANTINE_RECORD, STAGING } from "../blobs/disk/paths.ts";
import type { DataFolderPath } from "./errors.ts";

const WRITABLE_BY_OTHERS = 0o022;
const OPEN_TO_OTHERS = 0o077;

/** Whether a folder is private, must be made private first (`open`), or cannot be trusted. */
export function judgeFolder(
  { mode, uid }: { readonly mode: number; readonly uid: number },
  ownUid: number,
): "private" | "open" | "foreign" | "writable" {
  if (uid !== ownUid) return "foreign";
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return "writable";
  return (mode & OPEN_TO_OTHERS) === 0 ? "private" : "open";
}

/**
 * Makes a folder private if others could only read it. Returns `true` if it had to. Throws `ConfigurationError`
 * `data-folder-not-private` if others could have changed its contents.
 */
export async function makePrivate(path: string): Promise<boolean> {
  const { mode, uid } = await Deno.stat(path);
  const ownUid = Deno.uid();
  if (mode === null || uid === null || ownUid === null) return false;
  switch (judgeFolder({ mode, uid }, ownUid)) {
    case "private":
      return false;
    case "open":
      await Deno.chmod(path, 0o700);
      return true;
    case "foreign":
      throw new ConfigurationError(
        "data-folder-not-private",
        `${printable(path)} belongs to another user (${uid}; this is ${ownUid})`,
        { hint: `Run the server as that user, or run 'chown -R ${ownUid} ${shellWord(path)}'.` },
      );
    case "writable":
      throw new ConfigurationError(
        "data-folder-not-private",
        `other users can write to ${printable(path)}: its files may have been changed`,
        { hint: `Check its contents, then run 'chmod 700 ${shellWord(path)}'.` },
      );
  }
}

/**
 * The expected kind of a name in a data folder or a backup. A database has further files, whose names begin with its
 * own. So do incomplete files.
 */
function kindOf(name: string): "file" | "folder" | undefined {
  if ([FILES, STAGING, QUARANTINE, BACKUP_STATES].includes(name)) return "folder";
  const isFile = [...DATA_FILES, QUARANTINE_RECORD]
    .some((known) => name.startsWith(known) && ["", "-", "."].includes(name.charAt(known.length)));
  return isFile ? "file" : undefined;
}

/**
 * Checks that names in a folder are regular files and folders, before any of them is opened. Links are not followed,
 * and a pipe or a device may have no end. Throws `ConfigurationError` `link-in-data-folder` for a link in a data
 * folder, else an error with the reason.
 */
export async function checkKinds(
  { kind, path }: DataFolderPath,
): Promise<void> {
  for await (const { name, ...entry } of Deno.readDir(path)) {
    const expected = kindOf(name);
    if (expected === undefined) continue;
    if (entry.isSymlink) throw isLink(kind, path, name);
    if (expected === "file" ? entry.isFile : entry.isDirectory) continue;
    const what = expected === "file" ? "a regular file" : "a folder";
    throw new Error(`${printable(name)} is not ${what}`);
  }
}

function isLink(kind: DataFolderPath["kind"], path: string, name: string): Error {
  if (kind === "backup") {
    return new Error(`${printable(name)} is a symbolic link`);
  }
  return new ConfigurationError(
    "link-in-data-folder",
    `${printable(name)} in ${printable(path)} is a symbolic link`,
    { hint: "Replace it with its target, or make the data folder itself the link." },
  );
}
