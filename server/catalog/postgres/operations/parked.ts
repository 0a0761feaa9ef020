/**
 * Files of protocol 3 whose packets arrive on separate connections.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { FoundParked, ParkedBounds, ParkedFile, ParkedRows } from "../../parked_rows.ts";
import type { Row } from "../../rows.ts";
import { ago, atMost, type OperationsOf, read, repeatable, write } from "./operation.ts";

export const PARKED_OPERATIONS: OperationsOf<ParkedRows> = {
  begin: repeatable(async ({ run }, file: ParkedFile, packet: Bytes, bounds: ParkedBounds) => {
    const { accountId, name, fileName, contentSize } = file;
    const { originalSize, totalPackets, plaintextSize } = file;
    await Promise.all([
      run("DELETE FROM parked WHERE client_id = $1 AND name = $2", accountId, name),
      run(
        `WITH file AS (
           INSERT INTO parked (client_id, name, file_name, content_size, original_size,
             total_packets, plaintext_size, packets, bytes, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 1, octet_length($8::bytea), clock_timestamp())
           RETURNING id)
         INSERT INTO parked_packets SELECT id, 1, $8::bytea FROM file`,
        ...[accountId, name, fileName, contentSize, originalSize, totalPackets, plaintextSize],
        packet,
      ),
      run(
        `DELETE FROM parked WHERE id IN
           (SELECT id FROM parked WHERE client_id = $1 ORDER BY id DESC OFFSET $2)`,
        ...[accountId, atMost(bounds.maxPerAccount)],
      ),
      run(
        "DELETE FROM parked WHERE id IN (SELECT id FROM parked ORDER BY id DESC OFFSET $1)",
        atMost(bounds.max),
      ),
    ]);
  }),
  find: read(async ({ get }, accountId: Bytes, name: string) => {
    const query = "SELECT * FROM parked WHERE client_id = $1 AND name = $2";
    const row = await get(query, accountId, name);
    return row && toParked(row);
  }),
  append: write(async ({ run }, id: number, number: number, packet: Bytes) =>
    await run(
      `WITH file AS (
         UPDATE parked SET packets = $2, bytes = bytes + octet_length($3::bytea),
           updated_at = clock_timestamp()
         WHERE id = $1 AND packets = $2::bigint - 1 RETURNING id)
       INSERT INTO parked_packets SELECT id, $2::bigint, $3::bytea FROM file`,
      ...[id, number, packet],
    ) === 1
  ),
  packets: read(async ({ all }, id: number, after: number, limit: number) => {
    const query = `SELECT content FROM parked_packets WHERE parked_id = $1 AND number > $2
      ORDER BY number LIMIT $3`;
    return (await all(query, id, after, limit)).map((row) => row["content"] as Bytes);
  }),
  remove: repeatable(async ({ run }, id: number) => {
    await run("DELETE FROM parked WHERE id = $1", id);
  }),
  expire: repeatable(async ({ run }, ttlMs: number) => {
    await run(`DELETE FROM parked WHERE updated_at <= ${ago(1)}`, ttlMs);
  }),
};

function toParked(row: Row): FoundParked {
  const optional = (column: string) => (row[column] as number | null) ?? undefined;
  return {
    id: row["id"] as number,
    accountId: row["client_id"] as Bytes,
    name: row["name"] as string,
    fileName: row["file_name"] as Bytes,
    contentSize: row["content_size"] as number,
    originalSize: optional("original_size"),
    totalPackets: optional("total_packets"),
    plaintextSize: optional("plaintext_size"),
    packets: row["packets"] as number,
    bytes: row["bytes"] as number,
  };
}
