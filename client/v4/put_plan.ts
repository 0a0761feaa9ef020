/**
 * Decides what is stored of a local entry, given the server's entry of the same name.
 *
 * @module
 */
import type { EntryKind } from "../../protocol/entry.ts";
import { clampNanoseconds, splitNanoseconds } from "../../protocol/nanoseconds.ts";
import { NANOSECOND_TIMES, type StoredAttributes } from "../local/file_metadata.ts";
import type { FoundEntry } from "./found_entry.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The attributes to upload, and whether folders become mirrors. */
export interface PlanOptions {
  /** Whether permission bits are stored; default true. Without, the server keeps those that it has. */
  readonly permissions?: boolean | undefined;
  /**
   * Whether modification times are stored; default true. Without, unchanged entries keep the time that the server has,
   * and others get that of the upload.
   */
  readonly times?: boolean | undefined;
  /** Patterns of files and folders that stay as they are on the server; see `FileSelection`. */
  readonly exclude?: readonly string[] | undefined;
}

/** An entry on the server that would be removed. */
export interface RemoteName {
  /** Its name. */
  readonly name: string;
  /** A file, a folder or a link. */
  readonly kind: EntryKind;
}

/** Entries of a folder on the server that are missing here. */
export interface FolderRemovals {
  /** Its name on the server; empty for everything. */
  readonly folder: string;
  /** Entries below it on the server. */
  readonly total: number;
  /** Those of them that are missing here, each after what is below it. */
  readonly entries: readonly RemoteName[];
}

/** The server's entry of a name if it has the same kind, and the name in the same Unicode form. */
export function alikeOf(entry: FoundEntry, known: RemoteFile | undefined): RemoteFile | undefined {
  return known?.entry === entry.kind && known.name === entry.remoteName ? known : undefined;
}

/**
 * The attributes to store with an entry. Those that are unknown here or not wanted stay as the server has them, or
 * become `mtime`.
 */
export function attributesOf(
  entry: FoundEntry,
  known: StoredAttributes | undefined,
  { permissions = true, times = true }: PlanOptions,
  mtime: bigint,
): StoredAttributes {
  const keepsMode = !permissions || entry.mode === undefined;
  return {
    mode: keepsMode ? known?.mode : entry.mode,
    mtime: times ? entry.mtime : mtime,
  };
}

/** If this system knows no nanoseconds, those on the server don't count as a difference. */
export function areSameAttributes(a: StoredAttributes, b: StoredAttributes): boolean {
  if (a.mode !== b.mode) return false;
  if (NANOSECOND_TIMES !== undefined) return clampNanoseconds(a.mtime) === b.mtime;
  return splitNanoseconds(a.mtime).ms === splitNanoseconds(b.mtime).ms;
}

/** The number of parts of a name. */
export function depthOf({ name }: Pick<RemoteName, "name">): number {
  return name.split("/").length;
}

/** Orders names so that each comes after what is below it. */
export function deepestFirst(a: RemoteName, b: RemoteName): number {
  return depthOf(b) - depthOf(a) || (a.name < b.name ? -1 : 1);
}
