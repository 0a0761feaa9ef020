/**
 * Rounds of the background check.
 *
 * @module
 */
import type { CheckRound } from "../../check_rounds.ts";
import { toCheckRound } from "../../rows.ts";
import { read, write } from "./operation.ts";

export const CHECK_OPERATIONS = {
  begin: write((database, startedAt: number, isRequested: boolean): CheckRound => {
    // The newest row stays until the new one exists: its id must not be used again.
    const [row] = database.all(
      `INSERT INTO check_rounds (id, started_at, requested)
         SELECT coalesce(max(id), 0) + 1, ?, ? FROM check_rounds RETURNING *`,
      ...[startedAt, Number(isRequested)],
    );
    const round = toCheckRound(row as Record<string, unknown>);
    database.run("DELETE FROM check_rounds WHERE ended_at IS NULL AND id <> ?", round.id);
    return round;
  }),
  save: write((database, round: CheckRound): boolean => {
    const { id, endedAt, after, files, bytes, damaged, unreadable } = round;
    const query = "SELECT 1 FROM check_rounds WHERE id = ? AND ended_at IS NULL";
    if (database.all(query, id).length === 0) return false;
    database.run(
      `UPDATE check_rounds SET ended_at = ?, after = ?, files = ?, bytes = ?, damaged = ?,
         unreadable = ? WHERE id = ?`,
      ...[endedAt ?? null, after ?? null, files, bytes, damaged, unreadable, id],
    );
    if (endedAt !== undefined) database.run("DELETE FROM check_rounds WHERE id < ?", id);
    return true;
  }),
  list: read((database): CheckRound[] =>
    database.all("SELECT * FROM check_rounds ORDER BY id DESC").map(toCheckRound)
  ),
};
