/**
 * The folder beside the identity with what was read of uploaded files: a {@link DigestIndex} for each folder, and
 * {@link SavedChunkDigests} of interrupted uploads. All of it can be deleted at any time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

export const INDEX_FOLDER = "me.index";
/** The most files in it. The oldest are removed. */
export const MAX_INDEXES = 64;
/** Temporary files of this age, in milliseconds, are those of runs that were killed. */
const MAX_TEMPORARY_MS = 24 * 60 * 60_000;

/** The names of its files: indexes, digests of interrupted uploads, and temporary files. */
const OWN = /^[0-9a-f]{32}(\.part|(?<temporary>\.[0-9a-f-]{36}(-merged)?\.tmp))?$/;

/**
 * The path of the file about a file or folder, whose path without links is `real`. Creates the folder if `isWritten`.
 * Never throws.
 */
export function pathInIndexFolder(identityFolder: string, real: string, isWritten = true): string {
  const folder = join(identityFolder, INDEX_FOLDER);
  if (isWritten) unlessError(() => Deno.mkdirSync(folder, { mode: 0o700 }));
  return join(folder, createHash("sha256").update(real).digest("hex").slice(0, 32));
}

/**
 * Removes the files that were not used for longest, and temporary files of runs that were killed. Files of others, which
 * a folder of this name can have had before, stay.
 */
export function removeOldest(folder: string): void {
  const files: { readonly path: string; readonly at: number }[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    const found = OWN.exec(name);
    if (found === null) continue;
    const path = join(folder, name);
    const at = unlessError(() => Deno.lstatSync(path).mtime?.getTime()) ?? 0;
    const isLeft = found.groups?.["temporary"] !== undefined && Date.now() - at > MAX_TEMPORARY_MS;
    if (isLeft) unlessError(() => Deno.removeSync(path));
    else files.push({ path, at });
  }
  const left = files.toSorted((a, b) => b.at - a.at).slice(MAX_INDEXES);
  for (const { path } of left) unlessError(() => Deno.removeSync(path));
}

/** Returns `undefined` after an error, which only means that files are read again. */
export function unlessError<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
