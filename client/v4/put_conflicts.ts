/**
 * Entries of the server that are in the way of uploads: those that a mirror removes before, and all others.
 *
 * @module
 */
import { RefusedError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import { HINTS } from "./errors.ts";
import { foldersAbove } from "./implicit_folders.ts";
import type { PutPlan, RemoteEntries, RemoteName } from "./put_plan.ts";
import type { Upload } from "./upload.ts";

/**
 * Returns the uploads of a plan that the server would refuse, and why, as far as the compared entries show. `removed`:
 * entries that the run removes before.
 */
export function findConflicts(
  { puts }: PutPlan,
  remote: RemoteEntries,
  removed: readonly RemoteName[],
): ReadonlyMap<Upload, RefusedError> {
  const gone = new Set(removed.map(({ name }) => name));
  const full = new Set<string>();
  for (const { name } of remote.below.flatMap(({ names }) => names)) {
    if (!gone.has(name)) {
      for (const folder of foldersAbove(comparedForm(name))) full.add(folder);
    }
  }
  const conflicts = new Map<Upload, RefusedError>();
  for (const upload of puts) {
    const { name, file: { kind } } = upload;
    const found = remote.find(upload);
    if (found !== undefined && found.name !== name) conflicts.set(upload, otherForm(name));
    else if (kind !== "folder" && full.has(comparedForm(name))) {
      conflicts.set(upload, isFolder(name));
    }
  }
  return conflicts;
}

/** Of the entries to remove, those below the name of a file or link to store, which must be removed before. */
export function findBlocking(
  puts: readonly Upload[],
  removals: readonly RemoteName[],
): ReadonlySet<RemoteName> {
  const names = new Set(puts.flatMap(({ file, name }) => file.kind === "folder" ? [] : [name]));
  return new Set(removals.filter(({ name }) => foldersAbove(name).some((at) => names.has(at))));
}

function otherForm(name: string): RefusedError {
  const why = `${printable(name)} is stored in another Unicode form`;
  return new RefusedError("other-form", `the server would refuse it: ${why}`, {
    hint: HINTS["other-form"],
  });
}

function isFolder(name: string): RefusedError {
  const why = `${printable(name)} is a folder with entries there`;
  return new RefusedError("bad-file-name", `the server would refuse it: ${why}`, {
    hint: HINTS["bad-file-name"],
  });
}
