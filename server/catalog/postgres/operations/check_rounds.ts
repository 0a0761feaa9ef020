/**
 * Rounds of the background check.
 *
 * @module
 */
import type { CheckRounds } from "../../check_rounds.ts";
import { type Row, toCheckRound } from "../../rows.ts";
import { type OperationsOf, read, repeatable } from "./operation.ts";

export const CHECK_OPERATIONS: OperationsOf<CheckRounds> = {
  begin: repeatable(async ({ get, run }, startedAt, isRequested) => {
    const insert = "INSERT INTO check_rounds (started_at, requested) VALUES ($1, $2) RETURNING *";
    const round = toCheckRound(await get(insert, startedAt, isRequested) as Row);
    await run("DELETE FROM check_rounds WHERE ended_at IS NULL AND id < $1", round.id);
    return round;
  }),
  save: repeatable(async ({ run }, round) => {
    const { id, endedAt, after, files, bytes, damaged, unreadable } = round;
    // Two servers can begin a round at the same time: then the newer one counts.
    const saved = await run(
      `UPDATE check_rounds SET ended_at = $2, after = $3, files = $4, bytes = $5, damaged = $6,
         unreadable = $7
       WHERE id = $1 AND (ended_at IS NULL OR ended_at = $2)
       AND NOT EXISTS (SELECT FROM check_rounds AS newer WHERE newer.id > $1)`,
      ...[id, endedAt, after, files, bytes, damaged, unreadable],
    );
    if (saved === 0) return false;
    if (endedAt !== undefined) await run("DELETE FROM check_rounds WHERE id < $1", id);
    return true;
  }),
  list: read(async ({ all }) =>
    (await all("SELECT * FROM check_rounds ORDER BY id DESC LIMIT 2")).map(toCheckRound)
  ),
};
