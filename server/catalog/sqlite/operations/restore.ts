/**
 * Restores versions from history.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { ChangedEntries, RestoreVersionOptions, RestoreVersionResult } from "../../files.ts";
import { restoredEvent } from "../../hook_events.ts";
import { nameKey } from "../../name_key.ts";
import { below, rangeAfter } from "../../name_ranges.ts";
import { quotaOf } from "../../quotas.ts";
import { CatalogRefusal } from "../../refusal.ts";
import type { Database } from "../database.ts";
import { kindOf, type Row } from "../../rows.ts";
import { findBy, queueHooksOf } from "./accounts.ts";
import { currentRow, end, makeRoom, newestVersion } from "./commit.ts";
import { newestOfNames } from "./lists.ts";
import { isBelowOther, refuseConflict } from "./name_tree.ts";
import { write } from "./operation.ts";

/** The number of names in one look-up. */
const PAGE = 500;

export const RESTORE_OPERATIONS = {
  restore: write((
    database,
    owner: Bytes,
    name: string,
    options: RestoreVersionOptions,
  ): RestoreVersionResult | undefined => {
    const key = nameKey(name);
    const { version, quota } = options;
    const current = currentRow(database, owner, key);
    if (version !== undefined && version === current?.["version"]) {
      return { entries: 0, bytes: 0, garbage: [], hasSurplus: false };
    }
    const isOne = version !== undefined || current !== undefined && kindOf(current) !== "folder";
    const restored = isOne
      ? restoreOne(database, owner, key, current, options)
      : restoreTree(database, owner, key, current, options);
    if (restored.entries === 0) return undefined;
    const { now } = options;
    queueHooksOf(database, owner, "restored", (by) => restoredEvent(by, name, restored, now));
    const account = findBy(database, "id = ?", owner);
    const limit = quotaOf(quota, account?.quota);
    const trimmed = makeRoom(
      ...[database, { id: owner, access: account?.access ?? "full" }, limit, false] as const,
    );
    return {
      ...restored,
      garbage: [...restored.garbage, ...trimmed.garbage],
      hasSurplus: trimmed.hasSurplus,
    };
  }),
};

interface Restored extends ChangedEntries {
  readonly garbage: readonly BlobId[];
}

/** Restores one version of a name, by default the newest that is not current. Throws `CatalogRefusal`. */
function restoreOne(
  database: Database,
  owner: Bytes,
  key: string,
  current: Row | undefined,
  options: RestoreVersionOptions,
): Restored {
  const { version, keepHistory = false, now } = options;
  const query = `SELECT id, kind, size FROM files
    WHERE client_id = ? AND name = ? AND current = 0 AND version = coalesce(?, version)
    ORDER BY version DESC LIMIT 1`;
  const [row] = database.all(query, owner, key, version ?? null);
  if (row === undefined) return { entries: 0, bytes: 0, garbage: [] };
  refuseConflict(database, owner, key, kindOf(row), current && kindOf(current));
  const newest = newestVersion(database, owner, key);
  const garbage = current === undefined ? [] : end(database, current, keepHistory, now);
  makeCurrent(database, row, newest + 1, options);
  return { entries: 1, bytes: row["size"] as number, garbage };
}

/**
 * Restores the names of a folder that have no current version. Of names that exclude each other, the one that was removed
 * last is restored. Throws `CatalogRefusal` if something above the folder is not a folder.
 */
function restoreTree(
  database: Database,
  owner: Bytes,
  key: string,
  current: Row | undefined,
  options: RestoreVersionOptions,
): Restored {
  if (current === undefined && isBelowOther(database, owner, key)) {
    throw new CatalogRefusal("name-conflict");
  }
  let [entries, bytes] = [0, 0];
  for (const row of removedNames(database, owner, key)) {
    const isTooOld = (row["ended_at"] as number) < (options.since ?? -Infinity);
    if (isTooOld || isExcluded(database, owner, row)) continue;
    makeCurrent(database, row, (row["version"] as number) + 1, options);
    entries++;
    bytes += row["size"] as number;
  }
  return { entries, bytes, garbage: [] };
}

/** The newest version of each name without a current version: of the folder itself, and of everything below it. */
function* removedNames(database: Database, owner: Bytes, key: string): Generator<Row> {
  const query = `SELECT id, name, version, current, kind, size, ended_at FROM files
    WHERE client_id = ? AND name = ? ORDER BY version DESC LIMIT 1`;
  yield* database.all(query, owner, key).filter(isRemoved);
  const prefix = below(key).after;
  for (let last = "";;) {
    const rows = newestOfNames(database, owner, rangeAfter(prefix, last), PAGE);
    yield* rows.filter(isRemoved);
    if (rows.length < PAGE) return;
    last = rows.at(-1)?.["name"] as string;
  }
}

function isRemoved(row: Row): boolean {
  return row["current"] === 0;
}

/** Whether a current entry, or for a file also one that was removed later, excludes a removed one. */
function isExcluded(database: Database, owner: Bytes, row: Row): boolean {
  const name = row["name"] as string;
  if (isBelowOther(database, owner, name)) return true;
  if (kindOf(row) === "folder") return false;
  const { after, end } = below(name);
  const query = `SELECT 1 FROM files WHERE client_id = ? AND name > ? AND name < ?
    AND (current = 1 OR ended_at > ?) LIMIT 1`;
  return database.all(query, owner, after, end, row["ended_at"] as number).length > 0;
}

function makeCurrent(
  database: Database,
  row: Row,
  version: number,
  { now, by }: RestoreVersionOptions,
): void {
  const query = `UPDATE files SET current = 1, ended_at = NULL, version = ?, stored_at = ?,
    stored_by = ? WHERE id = ?`;
  database.run(query, version, now, by ?? null, row["id"] as number);
}
