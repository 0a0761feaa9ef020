/**
 * Maps names on the server to local paths and back. The server separates the parts of a name by `/`; locally the
 * system's separator applies.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { StorageError } from "../../protocol/errors.ts";

export type Os = typeof Deno.build.os;

/** The last part of a name on the server, which is the default name of the local file. */
export function lastPart(name: string): string {
  return posix.basename(name);
}

/** The last part of a local path, which is the default name on the server; empty for the root of a disk. */
export function nameOnServer(path: string, os: Os = Deno.build.os, cwd?: string): string {
  const { basename, resolve } = os === "windows" ? win32 : posix;
  return basename(resolve(cwd ?? Deno.cwd(), path)).normalize("NFC");
}

/** The local path, below a folder, for a name on the server. */
export function pathBelow(folder: string, name: string, os: Os = Deno.build.os): string {
  const { join } = os === "windows" ? win32 : posix;
  return join(folder, ...name.split("/"));
}

/** Whether a path ends as a folder's path does. */
export function endsAsFolder(path: string, os: Os = Deno.build.os): boolean {
  return (os === "windows" ? /[\\/]$/ : /\/$/).test(path);
}

/** Characters with a special meaning in a path on Windows: `a:b` is a stream of the file `a`. */
const NOT_ON_WINDOWS = /[<>:"|?*]/;
/** The only place where such characters are allowed. */
const BEGIN_ON_WINDOWS = /^(?:[\\/]{2}[?.][\\/])?(?:[a-z]:[\\/])?/i;

/** Returns a `StorageError` `bad-file-name` if this system cannot have a file of this name. */
export function localFault(
  target: string,
  os: Os = Deno.build.os,
): StorageError | undefined {
  const isBad = os === "windows" && NOT_ON_WINDOWS.test(target.replace(BEGIN_ON_WINDOWS, ""));
  if (!isBad) return undefined;
  return new StorageError(
    "bad-file-name",
    `cannot write ${printable(target)}: Windows does not allow a character in it`,
    { hint: "Download it by itself to another path with -o PATH." },
  );
}
