/**
 * The folders here that files are got into.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable, shellWord, StorageError, UsageError } from "../../protocol/mod.ts";
import { writing } from "./partial_file.ts";

/** A folder that is to be there when files are got into it. */
export interface TargetFolder {
  readonly path: string;
  /** Whether it is made where it is missing. */
  readonly isMade: boolean;
}

/**
 * Throws `UsageError` `target-exists` where a file is in the place of a folder or of one above it, and `StorageError`
 * `cannot-write` where one that is not made is missing.
 */
export async function checkFolder({ path, isMade }: TargetFolder): Promise<void> {
  await refuseFile(path);
  if (isMade || await isFolder(path)) return;
  throw new StorageError("cannot-write", `There is no folder ${printable(path)}`, {
    hint: `Make it first, or let it be made for the file: -o ${shellWord(`${path}/`)}.`,
  });
}

/** Makes a folder where it is missing. Throws `UsageError` `target-exists`, `StorageError` `cannot-write`. */
export async function makeFolder(path: string): Promise<void> {
  await refuseFile(path);
  await writing(path, () => Deno.mkdir(path, { recursive: true }));
}

/** Looks at what is there of a path, from its end up. */
async function refuseFile(path: string): Promise<void> {
  for (let at = path;; at = dirname(at)) {
    const info = await Deno.stat(at).catch(() => undefined);
    if (info?.isDirectory === true || (info === undefined && at === dirname(at))) return;
    if (info === undefined) continue;
    throw notAFolder(at);
  }
}

/** A `UsageError` `target-exists`. */
export function notAFolder(path: string): UsageError {
  return new UsageError("target-exists", `${printable(path)} is a file, not a folder`, {
    hint: "Nothing was written to it. Name another place: -o PATH.",
  });
}

/** Whether a folder has this name, or what a link of this name leads to is one. */
export async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
