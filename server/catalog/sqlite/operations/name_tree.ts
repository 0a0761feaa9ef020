/**
 * The tree of folders that the names of an account form.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { EntryKind } from "../../../../protocol/entry.ts";
import { below, commonLength } from "../../name_ranges.ts";
import { CatalogRefusal } from "../../refusal.ts";
import type { Database } from "../database.ts";
import { kindOf } from "../../rows.ts";

const CURRENT = "SELECT name, kind FROM files WHERE client_id = ? AND current = 1";

const BELOW = `${CURRENT} AND name > ? AND name < ? LIMIT 1`;
const BEFORE = `${CURRENT} AND name < ? ORDER BY name DESC LIMIT 1`;

/** Whether an account has current files below a name. */
export function hasBelow(database: Database, accountId: Bytes, name: string): boolean {
  const { after, end } = below(name);
  return database.get(BELOW, accountId, after, end) !== undefined;
}

/** The kind of the current version of a name. */
export function currentKind(
  database: Database,
  accountId: Bytes,
  name: string,
): EntryKind | undefined {
  return database.all(`${CURRENT} AND name = ?`, accountId, name).map(kindOf)[0];
}

/** Throws `CatalogRefusal` `name-conflict`: see {@link isConflict}. */
export function refuseConflict(
  database: Database,
  accountId: Bytes,
  name: string,
  kind: EntryKind,
  before?: EntryKind,
): void {
  if (isConflict(database, accountId, name, kind, before)) {
    throw new CatalogRefusal("name-conflict");
  }
}

/** Facts about the place of a name that need no look-up. */
export interface KnownPlace {
  /** Whether the folders above it are no files. */
  readonly isInFolder: boolean;
  /** Whether nothing is stored below it. */
  readonly hasNoneBelow: boolean;
}

const UNKNOWN: KnownPlace = { isInFolder: false, hasNoneBelow: false };

/**
 * Whether an entry does not fit into the tree of folders: only folders have names below them. `before`: the kind that its
 * name has now.
 */
export function isConflict(
  database: Database,
  accountId: Bytes,
  name: string,
  kind: EntryKind,
  before: EntryKind | undefined,
  { isInFolder, hasNoneBelow }: KnownPlace = UNKNOWN,
): boolean {
  // The folders above a name in use were checked before, and nothing is below a file.
  if (before === undefined && !isInFolder && isBelowOther(database, accountId, name)) return true;
  return kind !== "folder" && (before === undefined || before === "folder") && !hasNoneBelow &&
    hasBelow(database, accountId, name);
}

/**
 * Whether an entry that is not a folder is above a name. It is the common prefix of the name and its predecessor in the
 * order of names, since nothing else is stored below it. One look-up is enough for any depth.
 */
export function isBelowOther(database: Database, accountId: Bytes, name: string): boolean {
  const row = database.get(BEFORE, accountId, name);
  const parting = commonLength(name, (row?.["name"] ?? "") as string);
  if (name[parting] !== "/") return false;
  const kind = currentKind(database, accountId, name.slice(0, parting));
  return kind !== undefined && kind !== "folder";
}
