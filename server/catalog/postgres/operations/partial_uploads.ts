/**
 * Partial uploads: their durable parts and checksums.
 *
 * @module
 */
import type { UploadId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import {
  type CheckpointOptions,
  NameLost,
  type PartialUpload,
  type PartialUploadRows,
} from "../../partial_uploads.ts";
import { checkQuota, isUnlimited, quotaOf } from "../../quotas.ts";
import { type Row, toAccount, toPartialUpload, toPartialUploadKey } from "../../rows.ts";
import { insertPartial } from "../insert_partial.ts";
import { endGarbage, makeGarbage } from "./blob_references.ts";
import { type OperationsOf, read, wholeTime, write } from "./operation.ts";
import { usageOf } from "./usage.ts";

/** Rows of a name: $1 is the account, $2 the name. */
const NAMED = `client_id = $1 AND hashtextextended(name, 0) = hashtextextended($2, 0)
  AND name = $2`;
/** More partial uploads than an account can have. */
const MANY = 2 ** 31;

export const UPLOAD_OPERATIONS: OperationsOf<PartialUploadRows> = {
  save: write(async (queries, partial: PartialUpload, options: CheckpointOptions) => {
    const { accountId, name, id: path } = partial;
    const lock = "SELECT * FROM clients WHERE id = $1 FOR NO KEY UPDATE";
    // Sent together, since none needs the result of another.
    const [owner, claim, replaced, surplus, , used] = await Promise.all([
      queries.get(lock, accountId),
      queries.get("SELECT 1 FROM claims WHERE id = $1 AND current", options.claim),
      queries.all(`DELETE FROM partials WHERE ${NAMED} RETURNING path`, accountId, name),
      queries.all(
        `DELETE FROM partials WHERE id IN (SELECT id FROM partials WHERE client_id = $1
         ORDER BY updated_at DESC, id DESC OFFSET $2) RETURNING path`,
        ...[accountId, Math.min(Math.max(0, options.max - 1), MANY)],
      ),
      insertPartial(queries, partial),
      usageOf(queries, accountId),
      // While it was open, it may have been discarded for newer partial uploads.
      endGarbage(queries, [path]),
    ]);
    if (options.claim !== undefined && claim === undefined) throw new NameLost();
    // A partial upload does not count as a file.
    const own = { ...owner && toAccount(owner).quota, files: Infinity };
    const limit = quotaOf(options.quota, own);
    if (!isUnlimited(limit)) checkQuota(used, limit);
    const gone = [...replaced, ...surplus].map(pathOf).filter((other) => other !== path);
    return await makeGarbage(queries, gone);
  }),
  find: read(async (queries, accountId: Bytes, name: string) => {
    const row = await queries.get(`SELECT * FROM partials WHERE ${NAMED}`, accountId, name);
    return row && toPartialUpload(row);
  }),
  remove: write(async (queries, accountId: Bytes, name: string, path?: UploadId) => {
    const gone = await queries.all(
      `DELETE FROM partials WHERE ${NAMED} AND ($3::text IS NULL OR path = $3) RETURNING path`,
      ...[accountId, name, path],
    );
    return await makeGarbage(queries, gone.map(pathOf));
  }),
  expire: write(async (queries, before: number, limit: number) => {
    const gone = await queries.all(
      `DELETE FROM partials WHERE id IN (SELECT id FROM partials WHERE updated_at < $1
       ORDER BY updated_at, id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING path`,
      ...[wholeTime(before), limit],
    );
    return await makeGarbage(queries, gone.map(pathOf));
  }),
  scan: read(async (queries, after: UploadId | undefined, limit: number) => {
    const rows = await queries.all(
      "SELECT client_id, name, path, held FROM partials WHERE path > $1 ORDER BY path LIMIT $2",
      ...[after ?? "", limit],
    );
    return rows.map(toPartialUploadKey);
  }),
};

function pathOf(row: Row): UploadId {
  return row["path"] as UploadId;
}
