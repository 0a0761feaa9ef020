/**
 * Repairs in progress, recorded so that an interrupted one can be finished.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Repair, Repairs } from "../../repairs.ts";
import type { Queries } from "../database.ts";
import { type OperationsOf, read, repeatable, write } from "./operation.ts";

export const REPAIR_OPERATIONS: OperationsOf<Repairs> = {
  begin: repeatable(async (queries, { path, movedTo, record }: Repair) => {
    await queries.run(
      `INSERT INTO repairs (path, moved_to, record) VALUES ($1, $2, $3)
       ON CONFLICT (path) DO UPDATE SET moved_to = excluded.moved_to, record = excluded.record`,
      ...[path, movedTo ?? null, record],
    );
  }),
  list: read(async (queries) => {
    const rows = await queries.all("SELECT path, moved_to, record FROM repairs ORDER BY path");
    return rows.map((row) => ({
      path: row["path"] as BlobId,
      movedTo: (row["moved_to"] as string | null) ?? undefined,
      record: row["record"] as string,
    }));
  }),
  end: write(async (transaction, path: BlobId, { isRestored = false } = {}) => {
    if (!isRestored) await forgetFile(transaction, path);
    await transaction.run("DELETE FROM repairs WHERE path = $1", path);
  }),
};

/** Deletes the row of a version without making its blob garbage. */
async function forgetFile(queries: Queries, path: BlobId): Promise<void> {
  // A commit may be about to change the same version.
  await queries.run(
    `SELECT FROM clients WHERE id = (SELECT client_id FROM files WHERE path = $1)
     FOR NO KEY UPDATE`,
    path,
  );
  await queries.run(
    `WITH gone AS (DELETE FROM files WHERE path = $1 RETURNING client_id, current::integer, size)
     UPDATE usage SET files = files - current, bytes = bytes - current * size,
       history_files = history_files - (1 - current),
       history_bytes = history_bytes - (1 - current) * size
     FROM gone WHERE usage.client_id = gone.client_id`,
    path,
  );
}
