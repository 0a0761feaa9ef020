/**
 * An entry of the server to download, and its local path.
 *
 * @module
 */
import { dirname } from "node:path";
import { UsageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { CaseCollisions } from "../local/case_collisions.ts";
import type { RemoteFile } from "./remote_file.ts";

/** Where entries that were listed together are written. */
export interface Placement {
  /** The local path of an entry by its name on the server, which is valid. */
  readonly targetOf: (name: string) => string;
}

export interface GetItem {
  /** Its number in the run. */
  readonly index: number;
  readonly file: RemoteFile;
  readonly target: string;
  /** The files whose names differ from this one only in case. */
  readonly collisions: CaseCollisions | undefined;
  /** Whether its partial download is kept: it is large, and no other item has the same local name. */
  readonly isResumable: boolean;
}

/** The folder that must exist for an entry: that of a file or link, or the folder itself. */
export function folderOf({ file: { entry }, target }: Pick<GetItem, "file" | "target">): string {
  return entry === "folder" ? target : dirname(target);
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
