/**
 * Who may touch a folder, as POSIX systems have it.
 *
 * @module
 */
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { DataFolderPath } from "./errors.ts";

const WRITABLE_BY_OTHERS = 0o022;
const OPEN_TO_OTHERS = 0o077;

/** What owner and mode of a folder say: that it can be trusted, must be closed first, or can't be trusted. */
export function judgeFolder(
  { mode, uid }: { readonly mode: number; readonly uid: number },
  ownUid: number,
): "private" | "open" | "foreign" | "writable" {
  if (uid !== ownUid) return "foreign";
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return "writable";
  return (mode & OPEN_TO_OTHERS) === 0 ? "private" : "open";
}

/**
 * Makes a folder its owner's alone, where others could only look into it so far; `true` if it had to. Throws
 * `ConfigurationError` `data-folder-not-private` where others could have changed what is in it.
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
        { hint: `Run the server as that user, or: chown -R ${ownUid} ${printable(path)}` },
      );
    case "writable":
      throw new ConfigurationError(
        "data-folder-not-private",
        `Others may write to ${printable(path)}: what is in it may not be what was stored`,
        { hint: `See that all is well there, then: chmod 700 ${printable(path)}` },
      );
  }
}

/** What a name in a folder is to stand for, if anything is there. */
export type KindOfName = (name: string) => "file" | "folder" | undefined;

/**
 * Sees that names in a folder stand for regular files and for folders, before any of them is opened: links are not
 * followed, and a pipe or a device may have no end. Throws `ConfigurationError` `link-in-data-folder` for a link in a data
 * folder, else an error that says what is wrong.
 */
export async function checkKinds(
  { kind, path }: DataFolderPath,
  kindOf: KindOfName,
): Promise<void> {
  for await (const { name, ...entry } of Deno.readDir(path)) {
    const expected = kindOf(name);
    if (expected === undefined) continue;
    if (entry.isSymlink) throw isLink(kind, path, name);
    if (expected === "file" ? entry.isFile : entry.isDirectory) continue;
    const what = expected === "file" ? "a regular file" : "a folder";
    throw new Error(`${printable(name)} in it is not ${what}`);
  }
}

function isLink(kind: DataFolderPath["kind"], path: string, name: string): Error {
  if (kind === "backup") {
    return new Error(`${printable(name)} in it is a symbolic link, which is not followed`);
  }
  return new ConfigurationError(
    "link-in-data-folder",
    `${printable(name)} in ${printable(path)} is a symbolic link, which is not followed`,
    { hint: "Put what it points to in its place; the data folder itself may be a link." },
  );
}
