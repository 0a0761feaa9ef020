/**
 * Claims of uploads in progress to their names.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Usage } from "../../accounts.ts";
import type { NameClaim, NameClaimRows } from "../../shared_catalog.ts";
import { epochOf, type OperationsOf } from "./operation.ts";

export const CLAIM_OPERATIONS: OperationsOf<NameClaimRows> = {
  take: async (database, { id, accountId, name, resumes }: NameClaim) =>
    await database.repeatable(async (one) => {
      const epoch = epochOf(database);
      // One at a time for each account.
      const lock = "SELECT 1 FROM clients WHERE id = $1 FOR NO KEY UPDATE";
      const [, others] = await Promise.all([
        one.run(lock, accountId),
        one.all(
          `SELECT id FROM claims WHERE client_id = $1 AND name = $2 AND current AND epoch <> $3`,
          ...[accountId, name, epoch],
        ),
      ]);
      const ids = others.map((row) => row["id"]);
      if (resumes && ids.length > 0) {
        await one.run("UPDATE claims SET wanted = true WHERE id = ANY ($1)", ids);
        return false;
      }
      await Promise.all([
        one.run(
          "UPDATE claims SET current = false WHERE client_id = $1 AND name = $2 AND current",
          ...[accountId, name],
        ),
        one.run(
          `INSERT INTO claims (id, epoch, client_id, name) VALUES ($1, $2, $3, $4)
           ON CONFLICT (id) DO UPDATE SET current = true`,
          ...[id, epoch, accountId, name],
        ),
      ]);
      return true;
    }),
  reserve: async (database, id: Bytes, { bytes, files }: Usage) => {
    const update = "UPDATE claims SET bytes = $2, files = $3 WHERE id = $1";
    await database.repeatable((one) => one.run(update, id, bytes, files));
  },
  end: async (database, id: Bytes) => {
    await database.repeatable((one) => one.run("DELETE FROM claims WHERE id = $1", id));
  },
  contested: async (database) => {
    const rows = await database.read(({ all }) =>
      all(
        "SELECT id, wanted, current FROM claims WHERE epoch = $1 AND (wanted OR NOT current)",
        epochOf(database),
      )
    );
    return rows.map((row) => ({
      id: row["id"] as Bytes,
      isWanted: row["wanted"] as boolean,
      isCurrent: row["current"] as boolean,
    }));
  },
  reserved: async (database, accountId: Bytes) => {
    const row = await database.read(({ get }) =>
      get(
        `SELECT coalesce(sum(bytes), 0)::bigint AS bytes, coalesce(sum(files), 0)::bigint AS files
         FROM claims WHERE client_id = $1 AND epoch <> $2`,
        ...[accountId, epochOf(database)],
      )
    );
    return { bytes: (row?.["bytes"] ?? 0) as number, files: (row?.["files"] ?? 0) as number };
  },
};
