/**
 * Maps names on the server to local paths and back. The server separates the parts of a name by `/`; locally the
 * system's separator applies.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import { isDeviceName } from "../../protocol/file_name.ts";
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
  return basename(resolve(cwd ?? Deno.cwd(), path));
}

/** A whole local path as a name on the server: without the root of its disk, and empty for the working directory. */
export function wholeNameOnServer(path: string, os: Os = Deno.build.os): string {
  const { normalize, parse } = os === "windows" ? win32 : posix;
  const whole = normalize(path);
  const parts = whole.slice(parse(whole).root.length).split(os === "windows" ? "\\" : "/");
  return parts.filter((part) => part !== "" && part !== ".").join("/");
}

/** Returns a function that returns the local path, below a folder, for a valid name on the server. */
export function pathsBelow(folder: string, os: Os = Deno.build.os): (name: string) => string {
  const isWindows = os === "windows";
  const begin = (isWindows ? win32 : posix).join(folder, "x").slice(0, -1);
  // Valid names have no parts that a path would have to be freed of.
  return isWindows ? (name) => begin + name.replaceAll("/", "\\") : (name) => begin + name;
}

/** Whether a path ends as a folder's path does. */
export function endsAsFolder(path: string, os: Os = Deno.build.os): boolean {
  return (os === "windows" ? /[\\/]$/ : /\/$/).test(path);
}

/** Characters that no name on Windows has, or that have a meaning in paths: `a:b` is a stream of the file `a`. */
// deno-lint-ignore no-control-regex
const NOT_ON_WINDOWS = /[\x00-\x1f<>:"|?*\\]/;

/**
 * Returns a `StorageError` `bad-file-name` if this system cannot have a file with this name of the server, or would give
 * it another meaning. The name breaks no rule of the protocol.
 */
export function localFault(name: string, os: Os = Deno.build.os): StorageError | undefined {
  if (os !== "windows") return undefined;
  const fault = name.split("/").map(windowsFault).find((fault) => fault !== undefined);
  if (fault === undefined) return undefined;
  return new StorageError("bad-file-name", `cannot write ${printable(name)}: ${fault}`, {
    hint: "Download it by itself to another path with -o PATH.",
  });
}

function windowsFault(component: string): string | undefined {
  if (NOT_ON_WINDOWS.test(component)) return "Windows does not allow a character in it";
  if (isDeviceName(component)) return "its name is a device name on Windows";
  if (/[. ]$/.test(component)) return "Windows does not allow a dot or a space at its end";
  return undefined;
}
