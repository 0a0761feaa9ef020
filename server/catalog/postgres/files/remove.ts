/**
 * Removals: entries become history, or are deleted with their history.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import { MAX_GARBAGE } from "../../bounds.ts";
import type { ChangedEntries, Garbage, RemoveOptions, RemoveResult } from "../../files.ts";
import { removedEvent } from "../../hook_events.ts";
import { nameKey } from "../../name_key.ts";
import type { Queries, Transaction } from "../database.ts";
import { queueHooksOf } from "../operations/hooks.ts";
import { IN_BLOBS } from "./file_columns.ts";
import { COUNT_GONE, LIST_GONE } from "./history.ts";
import { hasBelow, lockOwner } from "./known_files.ts";
import { isNamed, isNamedOrBelow } from "./name_conditions.ts";

const NOTHING: ChangedEntries = { entries: 0, bytes: 0 };
const NO_GARBAGE: Garbage = { garbage: [], isMore: false };

/** Rows of a name: $1 is the account, $2 the name. */
export interface NamedRows {
  readonly isRecursive: boolean;
  /** Whether only current rows. */
  readonly isCurrent: boolean;
}

/** The condition for rows of a name. */
export function whereNamed({ isRecursive, isCurrent }: NamedRows): string {
  const named = isRecursive ? isNamedOrBelow("$2::text") : isNamed("$2::text");
  return `files.client_id = $1 AND ${isCurrent ? "files.current AND " : ""}${named}`;
}

/** The number of names of rows, and the bytes of all rows. */
export async function countNamed(
  queries: Queries,
  owner: Bytes,
  key: string,
  rows: NamedRows,
): Promise<ChangedEntries> {
  const entries = rows.isCurrent ? "count(*)" : "count(DISTINCT name)";
  const row = await queries.get(
    `SELECT ${entries} AS entries, coalesce(sum(size), 0)::bigint AS bytes FROM files
     WHERE ${whereNamed(rows)}`,
    ...[owner, key],
  );
  return { entries: row?.["entries"] as number, bytes: row?.["bytes"] as number };
}

/** Removes an entry. */
export async function remove(
  transaction: Transaction,
  owner: Bytes,
  name: string,
  options: RemoveOptions,
): Promise<RemoveResult> {
  const { recursive = false, forever = false, keepHistory = false, now } = options;
  const key = nameKey(name);
  const rows = { isRecursive: recursive, isCurrent: !forever };
  const [, isAbove, changed] = await Promise.all([
    lockOwner(transaction, owner),
    hasBelow(transaction, owner, key),
    countNamed(transaction, owner, key, rows),
  ]);
  if (!recursive && isAbove) {
    return { outcome: "not-empty", ...NOTHING, ...NO_GARBAGE };
  }
  if (changed.entries === 0) return { outcome: "missing", ...NOTHING, ...NO_GARBAGE };
  await queueHooksOf(
    ...[transaction, owner, "removed"] as const,
    (by) => removedEvent(by, name, changed, options),
  );
  if (forever || !keepHistory) {
    return { outcome: "removed", ...changed, ...await deleteAll(transaction, owner, key, rows) };
  }
  await transaction.run(endAll(rows), owner, key, now);
  return { outcome: "removed", ...changed, ...NO_GARBAGE };
}

/** Makes all rows history. */
function endAll(rows: NamedRows): string {
  return `WITH ended AS (
      UPDATE files SET current = false, ended_at = $3 WHERE ${whereNamed(rows)} RETURNING size
    )
    UPDATE usage SET files = usage.files - one.files, bytes = usage.bytes - one.bytes,
      history_files = usage.history_files + one.files,
      history_bytes = usage.history_bytes + one.bytes
    FROM (SELECT count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes FROM ended) AS one
    WHERE client_id = $1`;
}

/** Deletes rows. Their number is not bounded, so they are not read. */
async function deleteAll(
  transaction: Transaction,
  owner: Bytes,
  key: string,
  rows: NamedRows,
): Promise<Garbage> {
  const found = await transaction.all(
    `WITH gone AS (
      DELETE FROM files WHERE ${whereNamed(rows)} RETURNING client_id, path, size, current
    ), ${COUNT_GONE}, ${LIST_GONE}
    SELECT path FROM gone WHERE ${IN_BLOBS} LIMIT ${MAX_GARBAGE + 1}`,
    ...[owner, key],
  );
  const garbage = found.map(({ path }) => path as BlobId);
  return { garbage: garbage.slice(0, MAX_GARBAGE), isMore: garbage.length > MAX_GARBAGE };
}
