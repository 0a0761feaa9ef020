/**
 * An entry of the server to download, and its local path.
 *
 * @module
 */
import { dirname } from "node:path";
import { UsageError, type XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { CaseCollisions, foldCase } from "../local/case_collisions.ts";
import { isPart, partPath } from "../local/partial_file.ts";
import { type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";

/** An entry as the server lists it. */
export interface ListedEntry {
  readonly file: RemoteFile;
  /** The local path; that of the whole folder if the entry has none. */
  readonly target: string;
  /** Why the entry cannot be written: its name leads elsewhere, or is invalid. */
  readonly fault: XferError | undefined;
}

export interface GetItem extends ListedEntry {
  /** The files whose names differ from this one only in case. */
  readonly collisions: CaseCollisions | undefined;
  /** Whether its partial download is kept: it is large, and no other item has the same local name. */
  readonly isResumable: boolean;
}

/** The folder that must exist for an entry: that of a file or link, or the folder itself. */
export function folderOf({ file: { entry }, target }: ListedEntry): string {
  return entry === "folder" ? target : dirname(target);
}

/** Finds entries of one run that have the same local path, or may have it on some file systems. */
export function toItems(listed: readonly ListedEntry[]): GetItem[] {
  const looks = new Set<string>();
  const collisions = new Map<string, CaseCollisions>();
  for (const { target } of listed) {
    const look = foldCase(target);
    if (looks.has(look)) collisions.set(look, new CaseCollisions());
    else looks.add(look);
  }
  const parts = new Set(listed.map(({ target }) => target).filter(isPart));
  const byTarget = new Map<string, string>();
  return listed.map((entry) => {
    const { file: { name, size }, target } = entry;
    const isFree = parts.size === 0 || !parts.has(partPath(target));
    const fault = entry.fault ?? sameTarget(byTarget.get(target), name, target);
    if (fault === undefined) byTarget.set(target, name);
    return {
      ...{ ...entry, fault },
      collisions: collisions.size === 0 ? undefined : collisions.get(foldCase(target)),
      isResumable: size >= RESUMABLE_SIZE && isFree,
    };
  });
}

/** Returns a `UsageError` `same-name` if another entry has the same local path. */
export function sameTarget(
  other: string | undefined,
  name: string,
  target: string,
): UsageError | undefined {
  if (other === undefined) return undefined;
  return new UsageError(
    "same-name",
    `cannot write both ${printable(other)} and ${printable(name)} to ${printable(target)}`,
    { hint: "Download them one by one, each to its own path with -o PATH." },
  );
}
