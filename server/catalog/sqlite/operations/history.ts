/**
 * History: replaced and removed versions, dropped when they are too old or their room is needed.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Usage } from "../../accounts.ts";
import { MAX_DROPPED } from "../../bounds.ts";
import type { DroppedHistory, UsageWithHistory } from "../../files.ts";
import { INLINE_PREFIX } from "../../inline_ids.ts";
import { hasSurplus, quotaOf } from "../../quotas.ts";
import type { Database } from "../database.ts";
import { type Row, toUsage } from "../../rows.ts";
import { findBy } from "./accounts.ts";
import { makeGarbage } from "./blob_references.ts";
import { read, write } from "./operation.ts";
import { usageOf } from "./usage.ts";

const HISTORY = "SELECT id, path, size FROM files WHERE current = 0";
const IN_BLOBS = `substr(path, 1, ${INLINE_PREFIX.length}) <> '${INLINE_PREFIX}'`;
const OLDEST = "ORDER BY ended_at, id LIMIT ?";

export const HISTORY_OPERATIONS = {
  totalHistory: read((database): Usage => {
    const query = `SELECT sum(history_files) AS history_files, sum(history_bytes) AS history_bytes
      FROM usage`;
    return toUsage(database.all(query)[0] ?? {}).history;
  }),
  trimHistory: write((database, owner: Bytes, quota?: Usage): DroppedHistory => {
    const limit = quotaOf(quota, findBy(database, "id = ?", owner)?.quota);
    return trim(database, owner, usageOf(database, owner), limit);
  }),
  expireHistory: write((database, before: number, limit: number): DroppedHistory =>
    drop(database, database.all(`${HISTORY} AND ended_at < ? ${OLDEST}`, before, limit))
  ),
  dropOldestHistory: write((database, bytes: number, limit: number): DroppedHistory => {
    const query = `${HISTORY} AND ${IN_BLOBS} AND ended_at < ? ${OLDEST}`;
    let left = bytes;
    const dropped = database.all(query, Infinity, limit).filter(({ size }) => {
      const isNeeded = left > 0;
      left -= size as number;
      return isNeeded;
    });
    return drop(database, dropped);
  }),
};

/** Drops the oldest history of an account until none of it is surplus, or `MAX_DROPPED` versions. */
export function trim(
  database: Database,
  owner: Bytes,
  used: UsageWithHistory,
  quota: Usage,
): DroppedHistory {
  const dropped: Row[] = [];
  if (hasSurplus(used, quota)) {
    let left = used.history;
    const query = `${HISTORY} AND client_id = ? ${OLDEST}`;
    for (const row of database.all(query, owner, MAX_DROPPED)) {
      if (!hasSurplus({ ...used, history: left }, quota)) break;
      dropped.push(row);
      left = { files: left.files - 1, bytes: left.bytes - (row["size"] as number) };
    }
  }
  return drop(database, dropped);
}

/** Deletes rows of files, and returns their number, bytes and blobs. Each needs `id`, `path` and `size`. */
export function drop(database: Database, rows: readonly Row[]): DroppedHistory {
  for (const { id } of rows) database.run("DELETE FROM files WHERE id = ?", id as number);
  return {
    files: rows.length,
    bytes: rows.reduce((bytes, { size }) => bytes + (size as number), 0),
    garbage: makeGarbage(database, rows.map(({ path }) => path as BlobId)),
  };
}
