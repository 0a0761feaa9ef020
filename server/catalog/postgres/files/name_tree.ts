/**
 * The tree of folders that the names of an account form.
 *
 * @module
 */
import type { EntryKind } from "../../../../protocol/entry.ts";

/** The tree around a name. */
export interface TreeAround {
  /** Whether current files are below it. */
  readonly isAbove: boolean;
  /** Whether a name is that of a current entry that is not a folder. */
  isBlocking(folder: string): boolean;
}

/**
 * Whether an entry does not fit into the tree of folders: only folders have names below them. `before`: the kind that its
 * name has now.
 */
export function isConflict(
  { isAbove, isBlocking }: TreeAround,
  name: string,
  kind: EntryKind,
  before: EntryKind | undefined,
): boolean {
  // The folders above a name in use were checked before, and nothing is below a file.
  if (before === undefined && isBelowOther(name, isBlocking)) return true;
  return kind !== "folder" && (before === undefined || before === "folder") && isAbove;
}

/** Whether an entry that is not a folder is above a name. */
export function isBelowOther(name: string, isBlocking: (folder: string) => boolean): boolean {
  for (const folder of foldersAbove(name)) if (isBlocking(folder)) return true;
  return false;
}

/** The folders above a name, the innermost first. */
export function* foldersAbove(name: string): Generator<string> {
  for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1)) {
    yield name.slice(0, end);
  }
}
