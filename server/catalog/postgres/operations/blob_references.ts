/**
 * References to blobs.
 *
 * @module
 */
import { UnavailableError } from "../../../../protocol/errors.ts";
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { BlobOwner, BlobReferences } from "../../blob_references.ts";
import { isInline } from "../../inline_ids.ts";
import type { Queries } from "../database.ts";
import { type OperationsOf, read } from "./operation.ts";

const OWNER = `SELECT 'file' AS owner FROM files WHERE path = $1
  UNION ALL SELECT 'upload' FROM partials WHERE path = $1
  UNION ALL SELECT 'upload' FROM open_uploads WHERE path = $1
  UNION ALL SELECT 'upload' FROM unverified WHERE path = $1
  UNION ALL SELECT 'garbage' FROM orphans WHERE path = $1`;

export const BLOB_OPERATIONS: OperationsOf<BlobReferences> = {
  reserve: async (database, path: BlobId) => {
    // A server that was killed may have reserved it, whose upload this one continues.
    const reserve = `INSERT INTO orphans (path, reserved, epoch) VALUES ($1, true, $2)
      ON CONFLICT (path) DO UPDATE SET epoch = excluded.epoch WHERE orphans.reserved`;
    const count = await database.repeatable((one) => one.run(reserve, path, database.epoch));
    if (count === 0) throw beingDeleted();
  },
  // The answer to a commit may be lost while the server still carries it out. It changes the row that the commit has
  // reserved, so this waits for it. A server that was removed asks, too: what it has finished since then is garbage.
  owner: async (database, path: BlobId | UploadId) =>
    await database.unchecked(async (transaction) => {
      const [, row] = await Promise.all([
        transaction.run("SELECT 1 FROM orphans WHERE path = $1 FOR SHARE", path),
        transaction.get(OWNER, path),
      ]);
      return row?.["owner"] as BlobOwner | undefined;
    }),
  garbage: read(async (
    queries,
    after: BlobId | UploadId | undefined,
    limit: number,
    which: "all" | "unreserved" = "all",
  ) => {
    const rows = await queries.all(
      // Blobs that a running server has reserved are not garbage.
      `SELECT path FROM orphans WHERE path > $1 AND (NOT reserved OR $2 AND NOT EXISTS
         (SELECT FROM nodes WHERE nodes.epoch = orphans.epoch))
       ORDER BY path LIMIT $3`,
      ...[after ?? "", which === "all", limit],
    );
    return rows.map((row) => row["path"] as BlobId | UploadId);
  }),
  // A server that was removed has made them garbage for good, too.
  collected: (database, ids) => database.unchecked((transaction) => endGarbage(transaction, ids)),
};

function beingDeleted(): UnavailableError {
  return new UnavailableError(
    "unavailable",
    "the content of an earlier attempt to store the file is being deleted",
    { hint: "Try again later." },
  );
}

/**
 * Lists blobs as garbage and returns their ids. Skips content in the catalog, which is deleted with its row.
 */
export async function makeGarbage<Id extends BlobId | UploadId>(
  queries: Queries,
  paths: readonly Id[],
): Promise<Id[]> {
  const blobs = paths.filter((path) => !isInline(path));
  if (blobs.length > 0) {
    // In one order everywhere, so that two transactions do not wait for each other.
    await queries.run(
      `INSERT INTO orphans (path) SELECT DISTINCT path FROM unnest($1::text[]) AS one (path)
       ORDER BY path ON CONFLICT (path) DO UPDATE SET reserved = false`,
      blobs,
    );
  }
  return blobs;
}

/** Removes blobs from the list of garbage. */
export async function endGarbage(
  queries: Queries,
  paths: readonly (BlobId | UploadId)[],
): Promise<void> {
  const blobs = paths.filter((path) => !isInline(path));
  if (blobs.length > 0) await queries.run("DELETE FROM orphans WHERE path = ANY ($1)", blobs);
}
