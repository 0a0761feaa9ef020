/**
 * History: replaced and removed versions, dropped when they are too old or their room is needed.
 *
 * @module
 */
import { type Bytes, toHex } from "../../../../protocol/bytes.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Usage } from "../../accounts.ts";
import { MAX_DROPPED } from "../../bounds.ts";
import type { CommitResult, DroppedHistory, UsageWithHistory } from "../../files.ts";
import { isInline } from "../../inline_ids.ts";
import { hasSurplus, isUnlimited, quotaOf } from "../../quotas.ts";
import { type Row, toUsage } from "../../rows.ts";
import type { Queries, Transaction } from "../database.ts";
import { IN_BLOBS } from "./file_columns.ts";
import { usageOf } from "../operations/usage.ts";
import { lockOwner, lockOwners } from "./known_files.ts";
import type { FilePlacement } from "./file_placement.ts";

const OLDEST = "ORDER BY ended_at, id LIMIT";

/** UsageDelta the rows of `gone`, which were deleted, and lists their blobs as garbage. */
export const COUNT_GONE = `counted AS (
    UPDATE usage SET files = usage.files - one.files, bytes = usage.bytes - one.bytes,
      history_files = usage.history_files - one.history_files,
      history_bytes = usage.history_bytes - one.history_bytes
    FROM (SELECT client_id, count(*) FILTER (WHERE current) AS files,
        coalesce(sum(size) FILTER (WHERE current), 0)::bigint AS bytes,
        count(*) FILTER (WHERE NOT current) AS history_files,
        coalesce(sum(size) FILTER (WHERE NOT current), 0)::bigint AS history_bytes
      FROM gone GROUP BY client_id) AS one
    WHERE usage.client_id = one.client_id
  )`;
export const LIST_GONE = `listed AS (
    INSERT INTO orphans (path) SELECT path FROM gone WHERE ${IN_BLOBS}
    ON CONFLICT (path) DO UPDATE SET reserved = false
  )`;

/** Deletes rows of history that are still history. */
const DROP = `WITH gone AS (
    DELETE FROM files WHERE id = ANY ($1::bigint[]) AND NOT current
    RETURNING client_id, path, size, current
  ), ${COUNT_GONE}, ${LIST_GONE} SELECT path, size FROM gone`;

/** The history of all accounts. */
export async function totalHistory(queries: Queries): Promise<Usage> {
  const row = await queries.get(`SELECT sum(history_files)::bigint AS history_files,
    sum(history_bytes)::bigint AS history_bytes FROM usage`);
  return toUsage(row ?? {}).history;
}

/** Drops history of an account: see `Files`. */
export async function trimHistory(
  transaction: Transaction,
  owner: Bytes,
  quota: Usage | undefined,
): Promise<DroppedHistory> {
  const [account, used] = await Promise.all([
    lockOwner(transaction, owner),
    usageOf(transaction, owner),
  ]);
  return await trim(transaction, owner, used, quotaOf(quota, account?.quota));
}

/** Drops the oldest versions of all accounts that ended before a time. */
export async function expireHistory(
  transaction: Transaction,
  before: number,
  limit: number,
): Promise<DroppedHistory> {
  const query = `SELECT id, client_id FROM files WHERE NOT current AND ended_at < $1 ${OLDEST} $2`;
  return await dropOfAll(
    transaction,
    await transaction.all(query, Math.min(before, Number.MAX_SAFE_INTEGER), limit),
  );
}

/** Drops the oldest versions of all accounts in the blob store. */
export async function dropOldestHistory(
  transaction: Transaction,
  bytes: number,
  limit: number,
): Promise<DroppedHistory> {
  const query =
    `SELECT id, client_id, size FROM files WHERE NOT current AND ${IN_BLOBS} ${OLDEST} $1`;
  let left = bytes;
  const dropped = (await transaction.all(query, limit)).filter(({ size }) => {
    const isNeeded = left > 0;
    left -= size as number;
    return isNeeded;
  });
  return await dropOfAll(transaction, dropped);
}

/** Drops the oldest history that is over the quota after files were placed. */
export async function trimAfter(
  transaction: Transaction,
  owner: Bytes,
  { used, isHistoryLonger }: Pick<FilePlacement, "used" | "isHistoryLonger">,
  quota: Usage,
): Promise<Pick<CommitResult, "garbage" | "hasSurplus">> {
  if (isUnlimited(quota) && !isHistoryLonger) return { garbage: [], hasSurplus: false };
  const { files, bytes, garbage } = await trim(transaction, owner, used, quota);
  const history = { files: used.history.files - files, bytes: used.history.bytes - bytes };
  return { garbage, hasSurplus: hasSurplus({ ...used, history }, quota) };
}

/** Drops the oldest history of an account until none of it is surplus, or `MAX_DROPPED` versions. */
async function trim(
  transaction: Transaction,
  owner: Bytes,
  used: UsageWithHistory,
  quota: Usage,
): Promise<DroppedHistory> {
  const dropped: Row[] = [];
  if (hasSurplus(used, quota)) {
    let left = used.history;
    const query = `SELECT id, size FROM files WHERE client_id = $1 AND NOT current ${OLDEST} $2`;
    for (const row of await transaction.all(query, owner, MAX_DROPPED)) {
      if (!hasSurplus({ ...used, history: left }, quota)) break;
      dropped.push(row);
      left = { files: left.files - 1, bytes: left.bytes - (row["size"] as number) };
    }
  }
  return await drop(transaction, dropped);
}

/** Drops history of several accounts, which are locked first. */
async function dropOfAll(
  transaction: Transaction,
  rows: readonly Row[],
): Promise<DroppedHistory> {
  const owners = new Map(
    rows.map(({ client_id }) => [toHex(client_id as Bytes), client_id as Bytes]),
  );
  if (owners.size > 0) await lockOwners(transaction, [...owners.values()]);
  return await drop(transaction, rows);
}

async function drop(transaction: Transaction, rows: readonly Row[]): Promise<DroppedHistory> {
  if (rows.length === 0) return { files: 0, bytes: 0, garbage: [] };
  const gone = await transaction.all(DROP, rows.map(({ id }) => id));
  return {
    files: gone.length,
    bytes: gone.reduce((bytes, { size }) => bytes + (size as number), 0),
    garbage: gone.map(({ path }) => path as BlobId).filter((path) => !isInline(path)),
  };
}
