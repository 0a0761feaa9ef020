/**
 * Files of protocol 3 that wait for the client to confirm their checksum.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { NewContent } from "../../files.ts";
import { INLINE_PREFIX, isInline, newInlineId } from "../../inline_ids.ts";
import type { Row } from "../../rows.ts";
import type {
  ClientConnection,
  CompleteRow,
  UnverifiedRow,
  UnverifiedRows,
} from "../../unverified_rows.ts";
import { endGarbage, makeGarbage } from "./blob_references.ts";
import { ago, atMost, type OperationsOf, repeatable, write } from "./operation.ts";

/** The most files that are removed in one transaction. */
const EXPIRED_TOGETHER = 100;

export const UNVERIFIED_OPERATIONS: OperationsOf<UnverifiedRows> = {
  // Not repeatable: after a commit without an answer, another server may have stored the file already.
  add: write(async (transaction, file: UnverifiedRow, from: ClientConnection, max: number) => {
    const { accountId, name, content, size, crc } = file;
    const { isOtherChecksumSent, isDisputed, isIntact, hasKey } = file;
    const { server, connection, ageMs } = from;
    const path = content?.id ?? newInlineId();
    const [resent, , , surplus] = await Promise.all([
      transaction.all(
        `DELETE FROM unverified WHERE client_id = $1 AND name = $2 AND server = $3
           AND connection = $4 RETURNING path`,
        ...[accountId, name, server, connection],
      ),
      transaction.run(
        `INSERT INTO unverified (client_id, name, server, connection, path, content, size, crc,
           is_other_sent, is_disputed, is_intact, has_key, opened_at, arrived_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, ${ago(13)}, clock_timestamp())`,
        ...[accountId, name, server, connection],
        ...[path, bytesOf(content), size, crc],
        ...[isOtherChecksumSent, isDisputed, isIntact, hasKey, ageMs],
      ),
      endGarbage(transaction, [path]),
      transaction.all(
        `DELETE FROM unverified WHERE id IN
           (SELECT id FROM unverified WHERE client_id = $1
            ORDER BY has_key DESC, id DESC OFFSET $2)
         RETURNING path`,
        ...[accountId, atMost(max)],
      ),
    ]);
    return await makeGarbage(transaction, pathsOf([...resent, ...surplus]));
  }),
  take: async (database, accountId: Bytes, name: string, on: ClientConnection) => {
    const { server, connection } = on;
    const row = await database.transaction(({ get }) =>
      name === ""
        ? get(taking(ONLY_FROM), accountId, database.epoch, server, connection)
        : get(taking(LATEST), accountId, database.epoch, server, connection, name, on.ageMs)
    );
    if (row?.["name"] === null) return row["coming"] === true ? "coming" : "bound";
    return row && toUnverifiedRow(row);
  },
  markComing: repeatable(
    async ({ run }, accountId: Bytes, name: string, from: ClientConnection) => {
      await run(
        `UPDATE unverified SET is_coming = true WHERE ${OF_CONNECTION} AND ${INCOMPLETE}`,
        ...[accountId, name, from.server, from.connection],
      );
    },
  ),
  complete: write(async (transaction, file: CompleteRow, from: ClientConnection) => {
    const { accountId, name, content } = file;
    const isThere = await transaction.run(
      `UPDATE unverified SET path = $5, content = $6 WHERE ${OF_CONNECTION} AND ${INCOMPLETE}`,
      ...[accountId, name, from.server, from.connection, content.id, bytesOf(content)],
    ) === 1;
    if (isThere) await endGarbage(transaction, [content.id]);
    return isThere;
  }),
  forget: repeatable(async ({ run }, accountId: Bytes, name: string, from: ClientConnection) => {
    await run(
      `DELETE FROM unverified WHERE ${OF_CONNECTION} AND ${INCOMPLETE}`,
      ...[accountId, name, from.server, from.connection],
    );
  }),
  expire: repeatable(async (transaction, ttlMs: number) => {
    const expired = await transaction.all(
      `DELETE FROM unverified WHERE id IN
         (SELECT id FROM unverified WHERE arrived_at <= ${ago(1)}
          ORDER BY arrived_at LIMIT ${EXPIRED_TOGETHER} FOR UPDATE SKIP LOCKED)
       RETURNING path`,
      ttlMs,
    );
    return await makeGarbage(transaction, pathsOf(expired));
  }),
};

const OF_CONNECTION = "client_id = $1 AND name = $2 AND server = $3 AND connection = $4";
/** A row without content has an id as if its content was in the catalog, so that there is no blob to delete. */
const INCOMPLETE = `(content IS NULL AND starts_with(path, '${INLINE_PREFIX}'))`;

function bytesOf(content: NewContent | undefined): Bytes | null {
  return content?.kind === "inline" ? content.bytes : null;
}

/**
 * Takes out the file with an id, if its content is there, and reserves its blob for the server with the epoch `$2`. Without
 * the content, the columns of the file are null.
 */
function taking(id: string): string {
  return `WITH meant AS (${id}),
    taken AS
      (DELETE FROM unverified WHERE id = (SELECT id FROM meant) AND NOT ${INCOMPLETE} RETURNING *),
    reserved AS (INSERT INTO orphans (path, reserved, epoch)
      SELECT path, true, $2::bigint FROM taken WHERE NOT starts_with(path, '${INLINE_PREFIX}')
      ON CONFLICT DO NOTHING)
    SELECT taken.*, meant.is_coming AS coming FROM meant LEFT JOIN taken ON true`;
}

/** At one server, numbers say exactly which connection began first. */
const LATEST = `SELECT id, is_coming FROM unverified WHERE client_id = $1 AND name = $5
    AND (server = $3 AND connection <= $4 OR server <> $3 AND opened_at <= ${ago(6)})
  ORDER BY (server = $3 AND connection = $4) DESC, id DESC LIMIT 1 FOR UPDATE`;

/** Some clients of 2022 leave the name empty. */
const ONLY_FROM = `SELECT min(id) AS id, bool_or(is_coming) AS is_coming FROM unverified
  WHERE client_id = $1 AND server = $3 AND connection = $4 HAVING count(*) = 1`;

function pathsOf(rows: readonly Row[]): BlobId[] {
  return rows.map((row) => row["path"] as BlobId);
}

function toUnverifiedRow(row: Row): CompleteRow {
  const id = row["path"] as BlobId;
  return {
    accountId: row["client_id"] as Bytes,
    name: row["name"] as string,
    content: isInline(id)
      ? { kind: "inline", id, bytes: row["content"] as Bytes }
      : { kind: "blob", id },
    size: row["size"] as number,
    crc: row["crc"] as number,
    isOtherChecksumSent: row["is_other_sent"] as boolean,
    isDisputed: row["is_disputed"] as boolean,
    isIntact: row["is_intact"] as boolean,
    hasKey: row["has_key"] as boolean,
  };
}
