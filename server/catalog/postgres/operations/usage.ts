/**
 * The usage of accounts.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { UsageWithHistory } from "../../files.ts";
import { toUsage } from "../../rows.ts";
import type { Queries } from "../database.ts";

/** The usage of an account. Partial uploads count with their bytes, except under some names, but not as files. */
export async function usageOf(
  queries: Queries,
  accountId: Bytes,
  exceptPartials: readonly string[] = [],
): Promise<UsageWithHistory> {
  const row = await queries.get(
    `SELECT usage.*, (SELECT coalesce(sum(held), 0) FROM partials
       WHERE client_id = $1 AND name <> ALL ($2::text[])) AS held
     FROM (SELECT) AS one LEFT JOIN usage ON client_id = $1`,
    ...[accountId, exceptPartials],
  );
  const { usage: { bytes, files }, history } = toUsage(row ?? {});
  return { bytes: bytes + ((row?.["held"] ?? 0) as number), files, history };
}
