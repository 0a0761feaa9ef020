/**
 * Renames an entry and everything below it, with its history.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { EntryKind } from "../../../../protocol/entry.ts";
import { MAX_NAME, MAX_PARTS } from "../../bounds.ts";
import type { ChangedEntries, RenameResult } from "../../files.ts";
import { renamedEvent } from "../../hook_events.ts";
import { nameKey } from "../../name_key.ts";
import { CatalogRefusal } from "../../refusal.ts";
import type { Transaction } from "../database.ts";
import { queueHooksOf } from "../operations/hooks.ts";
import {
  hasBelow,
  type KnownNames,
  lockOwner,
  lookUpBlocking,
  lookUpVersions,
} from "./known_files.ts";
import { isNamed } from "./name_conditions.ts";
import { isConflict } from "./name_tree.ts";
import { countNamed, type NamedRows, whereNamed } from "./remove.ts";

const NOTHING: ChangedEntries = { entries: 0, bytes: 0 };

interface Renaming {
  readonly owner: Bytes;
  readonly oldKey: string;
  readonly newKey: string;
  /** As it was given. */
  readonly newName: string;
  /** Whether everything below is renamed too. */
  readonly isFolder: boolean;
}

/** Renames an entry. */
export async function rename(
  transaction: Transaction,
  owner: Bytes,
  from: string,
  to: string,
): Promise<RenameResult> {
  const [oldKey, newKey] = [nameKey(from), nameKey(to)];
  const [, [known]] = await Promise.all([
    lockOwner(transaction, owner),
    lookUpVersions(transaction, [{ owner, names: [...new Set([oldKey, newKey])] }]),
  ]);
  const { newest, above } = known as KnownNames;
  const kindOf = (key: string) => newest.get(key)?.current ? newest.get(key)?.kind : undefined;
  const kind = kindOf(oldKey);
  const isFolder = kind === "folder" || kind === undefined && above.has(oldKey);
  if (kind === undefined && !isFolder) return { outcome: "missing", ...NOTHING };
  const move = { owner, oldKey, newKey, newName: to, isFolder };
  const isInPlace = oldKey === newKey;
  if (isInPlace && from === to) return { outcome: "taken", ...NOTHING };
  const isTaken = kindOf(newKey) !== undefined || isFolder && above.has(newKey);
  if (!isInPlace && isTaken) return { outcome: "taken", ...NOTHING };
  if (!isInPlace && isFolder && newKey.startsWith(`${oldKey}/`)) {
    throw new CatalogRefusal("below-itself");
  }
  const rows = { isRecursive: isFolder, isCurrent: false };
  const [renamed] = await Promise.all([
    countNamed(transaction, owner, oldKey, { ...rows, isCurrent: true }),
    refuseTooLong(transaction, move, rows),
  ]);
  await moveAll(transaction, move, rows);
  if (!isInPlace) await refuseConflict(transaction, owner, newKey, kind ?? "folder");
  await queueHooksOf(
    ...[transaction, owner, "renamed"] as const,
    (by) => renamedEvent(by, from, to, renamed),
  );
  return { outcome: "renamed", ...renamed };
}

/** Throws `CatalogRefusal` `name-conflict` if the renamed entry does not fit into the tree of folders. */
async function refuseConflict(
  transaction: Transaction,
  owner: Bytes,
  key: string,
  kind: EntryKind,
): Promise<void> {
  const [isAbove, [blocking]] = await Promise.all([
    hasBelow(transaction, owner, key),
    lookUpBlocking(transaction, [{ owner, names: [key] }]),
  ]);
  const around = { isAbove, isBlocking: (folder: string) => blocking?.has(folder) ?? false };
  if (isConflict(around, key, kind, undefined)) throw new CatalogRefusal("name-conflict");
}

/** Throws `CatalogRefusal` `name-too-long` if a new name would be. */
async function refuseTooLong(
  transaction: Transaction,
  move: Renaming,
  rows: NamedRows,
): Promise<void> {
  const { owner, oldKey, newName } = move;
  const utf8 = new TextEncoder();
  const longer = utf8.encode(newName).length - utf8.encode(oldKey).length;
  const deeper = partsOf(newName) - partsOf(oldKey);
  if (!move.isFolder || longer <= 0 && deeper <= 0) return;
  const row = await transaction.get(
    `SELECT coalesce(max(octet_length(coalesce(given, name))), 0) AS bytes,
       coalesce(max(length(name) - length(replace(name, '/', ''))), 0) AS slashes
     FROM files WHERE ${whereNamed(rows)}`,
    ...[owner, oldKey],
  );
  const [bytes, slashes] = [row?.["bytes"] as number, row?.["slashes"] as number];
  if (bytes + longer > MAX_NAME || slashes + 1 + deeper > MAX_PARTS) {
    throw new CatalogRefusal("name-too-long");
  }
}

/**
 * Renames all rows. Their number is not bounded, so they are not read. The rest of a name keeps the form in which it was
 * given. If a new name has history, the renamed versions are numbered after it.
 */
async function moveAll(
  transaction: Transaction,
  { owner, oldKey, newKey, newName }: Renaming,
  rows: NamedRows,
): Promise<void> {
  const parts = `string_to_array(coalesce(given, name), '/')`;
  const depth = partsOf(oldKey);
  const newest = `SELECT max(version) FROM files AS other
    WHERE other.client_id = $1 AND ${isNamed("named.key", "other")}`;
  await transaction.run(
    `UPDATE files SET name = moved.key, given = nullif(moved.given, moved.key),
       version = files.version + moved.newest
     FROM (
       SELECT id, key, given,
         CASE WHEN $3::text = $2::text THEN 0 ELSE coalesce((${newest}), 0) END AS newest
       FROM (
         SELECT id, $3::text || substring(name FROM length($2::text) + 1) AS key,
           $4::text || CASE WHEN cardinality(${parts}) > ${depth}
             THEN '/' || array_to_string((${parts})[${depth + 1}:], '/') ELSE '' END AS given
         FROM files WHERE ${whereNamed(rows)}
       ) AS named
     ) AS moved WHERE files.id = moved.id`,
    ...[owner, oldKey, newKey, newName],
  );
}

function partsOf(name: string): number {
  return name.split("/").length;
}
