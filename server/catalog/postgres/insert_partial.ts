/**
 * The row of a partial upload.
 *
 * @module
 */
import { splitNanoseconds } from "../../../protocol/nanoseconds.ts";
import type { PartialUpload } from "../partial_uploads.ts";
import type { Queries } from "./database.ts";

/** Adds the row of a partial upload. */
export async function insertPartial(queries: Queries, partial: PartialUpload): Promise<void> {
  const { accountId, name, size, mtime, id: path, durableBytes, sums, updatedAt } = partial;
  const { ms, ns } = splitNanoseconds(mtime);
  await queries.run(
    `INSERT INTO partials (client_id, name, size, mtime, mtime_ns, path, held, sums, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    ...[accountId, name, size, ms, ns, path, durableBytes, sums, updatedAt],
  );
}
