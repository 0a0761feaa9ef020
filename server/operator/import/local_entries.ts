/**
 * The entries at a local path: a file, a link, or a folder with everything below it.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { reasonOf, StorageError, UsageError, XferError } from "../../../protocol/errors.ts";
import { type EntryKind, MODE_BITS } from "../../../protocol/entry.ts";
import { clampNanoseconds, joinNanoseconds } from "../../../protocol/nanoseconds.ts";
import { printable } from "../../../protocol/printable.ts";
import { isDataFolder } from "../../../protocol/server_files.ts";
import { pathNameFault } from "../../../protocol/v4/path_name.ts";

/** Something to store. */
export interface LocalEntry {
  /** Its path on this machine. */
  readonly path: string;
  /** Its name on the server. */
  readonly name: string;
  readonly kind: EntryKind;
  /** Its properties when it was found. */
  readonly info: Deno.FileInfo;
  /** The permission bits; `undefined` if the system has none. */
  readonly mode: number | undefined;
  /** The modification time, in nanoseconds since 1970 UTC. */
  readonly mtime: bigint;
}

/** Something that cannot be read or stored. */
export interface LocalFailure {
  readonly path: string;
  readonly error: XferError;
}

/** Reads the modification time of a path, in nanoseconds since 1970 UTC, without following links. */
export type ReadTime = (path: string) => bigint;

/** Options of {@link entriesAt}. */
export interface EntriesOptions {
  readonly readTime: ReadTime;
  /** Called with each path that is skipped, and the reason. */
  readonly onSkipped: (path: string, why: string) => void;
}

/** The last component of a path, which is the default name. */
export function nameOf(path: string): string {
  return basename(resolve(path));
}

/**
 * The entry at a path, and everything below it, folders before their contents. Links are not followed, except for the path
 * itself if it ends in a slash.
 */
export async function* entriesAt(
  path: string,
  name: string,
  options: EntriesOptions,
): AsyncGenerator<LocalEntry | LocalFailure, void, void> {
  const fault = pathNameFault(name);
  if (fault !== undefined) {
    yield {
      path,
      error: new UsageError("bad-file-name", `cannot store ${printable(path)}: its name ${fault}`, {
        hint: "Rename it, or store it under another name with --as NAME.",
      }),
    };
    return;
  }
  let entry: LocalEntry | undefined;
  let names: string[] = [];
  try {
    entry = await inspect(path, name, options);
    if (entry === undefined) return;
    if (entry.kind === "folder") names = await namesOf(path);
  } catch (cause) {
    yield { path, error: cannotRead(path, cause) };
    return;
  }
  if (isDataFolder((one) => names.includes(one))) {
    return options.onSkipped(path, "a server's data folder");
  }
  yield entry;
  for (const one of names) yield* entriesAt(join(path, one), `${name}/${one}`, options);
}

async function inspect(
  path: string,
  name: string,
  { readTime, onSkipped }: EntriesOptions,
): Promise<LocalEntry | undefined> {
  const isFollowed = path.endsWith("/");
  const info = await (isFollowed ? Deno.stat(path) : Deno.lstat(path));
  const kind = info.isFile
    ? "file"
    : info.isDirectory
    ? "folder"
    : info.isSymlink
    ? "link"
    : undefined;
  if (kind === undefined) return void onSkipped(path, "a special file");
  const mode = info.mode === null || Deno.build.os === "windows"
    ? undefined
    : info.mode & MODE_BITS;
  const time = isFollowed ? joinNanoseconds(info.mtime?.getTime() ?? 0) : readTime(path);
  return { path, name, kind, info, mode, mtime: clampNanoseconds(time) };
}

async function namesOf(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

/** The error for a path that cannot be read. */
export function cannotRead(path: string, cause: unknown): XferError {
  if (cause instanceof XferError) return cause;
  return new StorageError("cannot-read", `cannot read ${printable(path)}: ${reasonOf(cause)}`, {
    cause,
  });
}
