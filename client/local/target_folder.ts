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

/** A folder that files are downloaded to. */
export interface TargetFolder {
  readonly path: string;
  /** Whether to create the folder if it is missing. */
  readonly isMade: boolean;
}

/**
 * Throws `UsageError` `target-exists` if a file is in the place of the folder or a folder above it, and `StorageError`
 * `cannot-write` if the folder is missing and not to be created, or cannot be read.
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

/** Creates a folder if it is missing. Throws `UsageError` `target-exists`, `StorageError` `cannot-write`. */
export async function makeFolder(path: string): Promise<void> {
  await refuseFile(path);
  await writing(path, () => Deno.mkdir(path, { recursive: true }));
}

/** Checks a path, from its end upwards. */
async function refuseFile(path: string): Promise<void> {
  for (let at = path;; at = dirname(at)) {
    const info = await Deno.stat(at).catch(() => undefined);
    if (info?.isDirectory === true || (info === undefined && at === dirname(at))) return;
    if (info === undefined) continue;
    throw notAFolder(at, info);
  }
}

function noFolder(path: string): StorageError {
  return new StorageError("cannot-write", `cannot write to ${printable(path)}: no such folder`, {
    hint: `Create that folder first, or let xfer create it with '-o ${shellWord(`${path}/`)}'.`,
  });
}

/** A `UsageError` `target-exists`. */
export function notAFolder(path: string, info: Deno.FileInfo): UsageError {
  return new UsageError("target-exists", `${printable(path)} is ${kindOf(info)}, not a folder`, {
    hint: "Choose another path with -o PATH.",
  });
}

/** Whether a path is a folder or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
