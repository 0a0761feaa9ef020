/**
 * Uploads that servers are writing.
 *
 * @module
 */
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { Row } from "../../rows.ts";
import type { OpenUploadRows } from "../../shared_catalog.ts";
import { epochOf, type OperationsOf } from "./operation.ts";

type Id = BlobId | UploadId;

/** Some ids. */
const GIVEN = "unnest($1::text[]) AS one (path)";
/** Whether something refers to an id. */
const IS_USED = ["files", "partials", "unverified", "open_uploads"]
  .map((table) => `EXISTS (SELECT FROM ${table} WHERE ${table}.path = one.path)`).join(" OR ");
/** Garbage that no server can reserve. */
const CONDEMNED = `SELECT one.path FROM ${GIVEN} JOIN orphans ON orphans.path = one.path
  WHERE NOT orphans.reserved AND NOT (${IS_USED})`;
/** Waits for commits in progress. The next statement sees what they have stored. */
const LOCK = "SELECT 1 FROM orphans WHERE path = ANY ($1) ORDER BY path FOR UPDATE";
const CONDEMN = `INSERT INTO orphans (path) SELECT DISTINCT path FROM ${GIVEN}
    WHERE NOT (${IS_USED}) ORDER BY path
  ON CONFLICT (path) DO UPDATE SET reserved = false
    WHERE NOT orphans.reserved OR orphans.epoch = $2
      OR NOT EXISTS (SELECT FROM nodes WHERE nodes.epoch = orphans.epoch)
  RETURNING path`;

export const OPEN_UPLOAD_OPERATIONS: OperationsOf<OpenUploadRows> = {
  begin: async (database, path: UploadId) => {
    // It may be that of a server which has suspended it, but could not say so.
    const insert = `INSERT INTO open_uploads (path, epoch) VALUES ($1, $2)
      ON CONFLICT (path) DO UPDATE SET epoch = excluded.epoch`;
    await database.repeatable((one) => one.run(insert, path, epochOf(database)));
  },
  end: async (database, path: UploadId) =>
    await database.repeatable(async (one) => {
      const [, garbage] = await Promise.all([
        one.run(
          "DELETE FROM open_uploads WHERE path = $1 AND epoch = $2",
          path,
          epochOf(database),
        ),
        one.get("SELECT path FROM orphans WHERE path = $1 AND NOT reserved", path),
      ]);
      return garbage !== undefined;
    }),
  condemn: async (database, paths: readonly Id[]) => {
    const condemned = idsOf(await database.read(({ all }) => all(CONDEMNED, paths)));
    // Mostly, a transaction has listed them.
    const others = paths.filter((path) => !condemned.includes(path));
    if (others.length === 0) return condemned;
    // A server that was removed deletes what it has finished since then, too.
    const [, rows] = await database.unchecked(({ run, all }) =>
      Promise.all([run(LOCK, others), all(CONDEMN, others, database.epoch)])
    );
    return [...condemned, ...idsOf(rows)];
  },
};

function idsOf(rows: readonly Row[]): Id[] {
  return rows.map((row) => row["path"] as Id);
}
