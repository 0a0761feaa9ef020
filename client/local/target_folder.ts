/**
 * Local folders that files are downloaded to.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable, shellWord } from "../../protocol/printable.ts";
import { StorageError, UsageError } from "../../protocol/errors.ts";
import { kindOf } from "./atomic_file.ts";
import { writing } from "./partial_file.ts";

/** The folder that files are downloaded to. */
export interface TargetFolder {
  readonly path: string;
  /** Whether it is made where it is missing. */
  readonly isMade: boolean;
}

/**
 * Throws `UsageError` `target-exists` where a file is in the place of a folder or of one above it, and `StorageError`
 * `cannot-write` where one that is not made is missing or can't be read.
 */
export async function checkFolder({ path, isMade }: TargetFolder): Promise<void> {
  await refuseFile(path);
  if (isMade) return;
  await writing(path, async () => {
    try {
      await Deno.stat(path);
    } catch (error) {
      throw error instanceof Deno.errors.NotFound ? noFolder(path) : error;
    }
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
    throw notAFolder(at, info);
  }
}

function noFolder(path: string): StorageError {
  return new StorageError("cannot-write", `There is no folder ${printable(path)}`, {
    hint: `Make it first, or let it be made for the file: -o ${shellWord(`${path}/`)}.`,
  });
}

/** A `UsageError` `target-exists`. */
export function notAFolder(path: string, info: Deno.FileInfo): UsageError {
  return new UsageError("target-exists", `${printable(path)} is ${kindOf(info)}, not a folder`, {
    hint: "Nothing was written to it. Name another place: -o PATH.",
  });
}

/** Whether a folder has this name, or what a link of this name leads to is one. */
export async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
