/**
 * Changes of single versions, without their account.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { splitNanoseconds } from "../../../../protocol/nanoseconds.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Damage, FileDigest, Metadata, MetadataResult } from "../../files.ts";
import { nameKey } from "../../name_key.ts";
import type { Queries, Transaction } from "../database.ts";
import { COUNT_GONE } from "./history.ts";
import { lockOwners } from "./known_files.ts";
import { isNamed } from "./name_conditions.ts";

/** Changes the metadata of the current version of a name, if it is `version`. */
export async function update(
  queries: Queries,
  owner: Bytes,
  name: string,
  version: number,
  { mode, mtime }: Metadata,
): Promise<MetadataResult> {
  const { ms, ns } = splitNanoseconds(mtime);
  const row = await queries.get(
    `WITH found AS (
      SELECT id, version FROM files WHERE client_id = $1 AND ${isNamed("$2::text")} AND current
    ), changed AS (
      UPDATE files SET mode = $4, mtime = $5, mtime_ns = $6 FROM found
      WHERE files.id = found.id AND files.current AND files.version = $3 RETURNING files.id
    )
    SELECT EXISTS (SELECT FROM found) AS is_found, EXISTS (SELECT FROM changed) AS is_changed`,
    ...[owner, nameKey(name), version, mode, ms, ns],
  );
  if (!row?.["is_found"]) return "missing";
  return row["is_changed"] ? "updated" : "changed";
}

/** Adds the digests of protocol 4 to a file, if it still exists and has none. */
export async function setDigests(
  queries: Queries,
  id: BlobId,
  { mtime, digest }: FileDigest,
  chunks: Bytes,
): Promise<void> {
  const { ms, ns } = splitNanoseconds(mtime);
  await queries.run(
    `UPDATE files SET mtime_ns = CASE WHEN mtime IS NULL THEN $2 ELSE mtime_ns END,
       mtime = coalesce(mtime, $3), digest = $4, chunks = $5
     WHERE path = $1 AND digest IS NULL`,
    ...[id, ns, ms, digest, chunks],
  );
}

/** Records that the content of a version was read and has its digest. */
export async function confirm(queries: Queries, id: BlobId, at: number): Promise<void> {
  await queries.run("UPDATE files SET confirmed_at = $2 WHERE path = $1", id, at);
}

/** Sets or clears the damage of a file. Returns whether that is a change. */
export async function setDamage(
  transaction: Transaction,
  id: BlobId,
  damage: Damage | undefined,
): Promise<boolean> {
  const query = `UPDATE files SET damage = $2::text
    WHERE path = $1 AND damage IS DISTINCT FROM $2::text`;
  return await transaction.run(query, id, damage) > 0;
}

const FORGET = `WITH gone AS (
    DELETE FROM files WHERE path = $1 RETURNING client_id, size, current
  ), ${COUNT_GONE} SELECT 1 FROM gone`;

/** Deletes the row of one version. Its blob does not become garbage. */
export async function forget(transaction: Transaction, id: BlobId): Promise<void> {
  const row = await transaction.get("SELECT client_id FROM files WHERE path = $1", id);
  if (row === undefined) return;
  await lockOwners(transaction, [row["client_id"] as Bytes]);
  await transaction.all(FORGET, id);
}
