/**
 * Partial uploads: their durable parts and checksums.
 *
 * @module
 */
import type { UploadId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { CheckpointOptions, PartialUpload, PartialUploadKey } from "../../partial_uploads.ts";
import { checkQuota, isUnlimited, quotaOf } from "../../quotas.ts";
import type { Database } from "../database.ts";
import { toPartialUpload, toPartialUploadKey } from "../../rows.ts";
import { splitNanoseconds } from "../../../../protocol/nanoseconds.ts";
import { findBy } from "./accounts.ts";
import { endGarbage, makeGarbage } from "./blob_references.ts";
import { read, write } from "./operation.ts";
import { usageOf } from "./usage.ts";

export const UPLOAD_OPERATIONS = {
  save: write(
    (database, partial: PartialUpload, { max, quota }: CheckpointOptions): UploadId[] => {
      const { accountId, name, size, mtime, id: path, durableBytes, sums, updatedAt } = partial;
      const { ms, ns } = splitNanoseconds(mtime);
      const replaced = pathsOf(database, "client_id = ? AND name = ?", accountId, name);
      drop(database, replaced);
      const surplus = pathsOf(
        database,
        "client_id = ? ORDER BY updated_at DESC, rowid DESC LIMIT -1 OFFSET ?",
        ...[accountId, Math.max(0, max - 1)],
      );
      drop(database, surplus);
      database.run(
        `INSERT INTO partials
           (client_id, name, size, mtime, mtime_ns, path, held, sums, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[accountId, name, size, ms, ns, path, durableBytes, sums, updatedAt],
      );
      // A partial upload does not count as a file.
      const own = { ...findBy(database, "id = ?", accountId)?.quota, files: Infinity };
      const limit = quotaOf(quota, own);
      if (!isUnlimited(limit)) checkQuota(usageOf(database, accountId), limit);
      // While it was open, it may have been discarded for newer partial uploads.
      endGarbage(database, path);
      return makeGarbage(database, [...replaced, ...surplus].filter((other) => other !== path));
    },
  ),
  find: read((database, accountId: Bytes, name: string): PartialUpload | undefined => {
    const query = "SELECT * FROM partials WHERE client_id = ? AND name = ?";
    return database.all(query, accountId, name).map(toPartialUpload)[0];
  }),
  remove: write((database, accountId: Bytes, name: string, path?: UploadId): UploadId[] => {
    const paths = pathsOf(database, "client_id = ? AND name = ?", accountId, name)
      .filter((found) => path === undefined || found === path);
    drop(database, paths);
    return makeGarbage(database, paths);
  }),
  expire: write((database, before: number, limit: number): UploadId[] => {
    const condition = "updated_at < ? ORDER BY updated_at LIMIT ?";
    const paths = pathsOf(database, condition, before, limit);
    drop(database, paths);
    return makeGarbage(database, paths);
  }),
  scan: read((database, after: UploadId | undefined, limit: number): PartialUploadKey[] =>
    database.all(
      "SELECT client_id, name, path, held FROM partials WHERE path > ? ORDER BY path LIMIT ?",
      ...[after ?? "", limit],
    ).map(toPartialUploadKey)
  ),
};

function drop(database: Database, paths: readonly string[]): void {
  for (const path of paths) database.run("DELETE FROM partials WHERE path = ?", path);
}

function pathsOf(
  database: Database,
  condition: string,
  ...values: (Bytes | string | number)[]
): UploadId[] {
  return database.all(`SELECT path FROM partials WHERE ${condition}`, ...values)
    .map((row) => row["path"] as UploadId);
}
