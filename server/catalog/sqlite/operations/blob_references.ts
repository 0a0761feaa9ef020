/**
 * References to blobs.
 *
 * @module
 */
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { BlobOwner } from "../../blob_references.ts";
import { isInline } from "../../inline_ids.ts";
import type { Database } from "../database.ts";
import { read, write } from "./operation.ts";

export const BLOB_OPERATIONS = {
  reserve: write((database, path: BlobId): void => {
    database.run("INSERT OR IGNORE INTO orphans (path, reserved) VALUES (?, 1)", path);
  }),
  owner: read((database, path: BlobId | UploadId): BlobOwner | undefined => {
    const query = `SELECT 'file' AS owner FROM files WHERE path = ?
      UNION ALL SELECT 'upload' FROM partials WHERE path = ?
      UNION ALL SELECT 'garbage' FROM orphans WHERE path = ?`;
    return database.all(query, path, path, path)[0]?.["owner"] as BlobOwner | undefined;
  }),
  garbage: read((
    database,
    after: BlobId | UploadId | undefined,
    limit: number,
    which: "all" | "unreserved" = "all",
  ): (BlobId | UploadId)[] =>
    database.all(
      `SELECT path FROM orphans WHERE path > ? AND (reserved = 0 OR ?) ORDER BY path LIMIT ?`,
      ...[after ?? "", which === "all" ? 1 : 0, limit],
    ).map((row) => row["path"] as BlobId | UploadId)
  ),
  collected: write((database, paths: readonly (BlobId | UploadId)[]): void => {
    for (const path of paths) endGarbage(database, path);
  }),
};

/** Lists blobs as garbage and returns their ids. Skips content in the catalog, which is deleted with its row. */
export function makeGarbage<Id extends BlobId | UploadId>(
  database: Database,
  paths: readonly Id[],
): Id[] {
  const blobs = paths.filter((path) => !isInline(path));
  for (const path of blobs) addGarbage(database, path);
  return blobs;
}

function addGarbage(database: Database, path: string): void {
  database.run(
    "INSERT INTO orphans (path) VALUES (?) ON CONFLICT DO UPDATE SET reserved = 0",
    path,
  );
}

export function endGarbage(database: Database, path: BlobId | UploadId): void {
  if (isInline(path)) return;
  database.run("DELETE FROM orphans WHERE path = ?", path);
}
