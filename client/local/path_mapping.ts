/**
 * What files of the server are called here, and files here on the server: there a name's parts are joined by `/`, here
 * by what the system has.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { StorageError } from "../../protocol/errors.ts";

export type Os = typeof Deno.build.os;

/** The last part of a name on the server: what its file is called here, by default. */
export function lastPart(name: string): string {
  return posix.basename(name);
}

/** The last part of a path here, which is what its file is called on the server; empty for the root of a disk. */
export function nameOnServer(path: string, os: Os = Deno.build.os, cwd?: string): string {
  const { basename, resolve } = os === "windows" ? win32 : posix;
  return basename(resolve(cwd ?? Deno.cwd(), path)).normalize("NFC");
}

/** The path here of what is called so on the server, below a folder. */
export function pathBelow(folder: string, name: string, os: Os = Deno.build.os): string {
  const { join } = os === "windows" ? win32 : posix;
  return join(folder, ...name.split("/"));
}

/** Whether a path says by its end that it is one of a folder. */
export function endsAsFolder(path: string, os: Os = Deno.build.os): boolean {
  return (os === "windows" ? /[\\/]$/ : /\/$/).test(path);
}

/** Characters that mean something else in a path on Windows: `a:b` is a stream of the file `a`. */
const NOT_ON_WINDOWS = /[<>:"|?*]/;
/** Where the only ones that may be are. */
const BEGIN_ON_WINDOWS = /^(?:[\\/]{2}[?.][\\/])?(?:[a-z]:[\\/])?/i;

/** Why nothing can be written under a name that is one elsewhere: a `StorageError` `bad-file-name`. */
export function localFault(
  target: string,
  os: Os = Deno.build.os,
): StorageError | undefined {
  const isBad = os === "windows" && NOT_ON_WINDOWS.test(target.replace(BEGIN_ON_WINDOWS, ""));
  if (!isBad) return undefined;
  return new StorageError(
    "bad-file-name",
    `Cannot write ${printable(target)}: there is a character in it that Windows does not take`,
    { hint: "Get it by itself, under another name: -o PATH." },
  );
}
