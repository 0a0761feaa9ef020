/**
 * Uploads that servers are writing.
 *
 * @module
 */
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { OpenUploadRows } from "../../shared_catalog.ts";
import { epochOf, type OperationsOf, read } from "./operation.ts";

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
  among: read(async ({ all }, paths: readonly (BlobId | UploadId)[]) => {
    const rows = await all("SELECT path FROM open_uploads WHERE path = ANY ($1)", paths);
    return rows.map((row) => row["path"] as UploadId);
  }),
};
