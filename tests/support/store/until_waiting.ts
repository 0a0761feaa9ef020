import type { Queries } from "../../../server/catalog/postgres/database.ts";

/** Sessions that wait for the own one. Other tests use the same server at the same time. */
const WAITING = `SELECT count(*) AS count FROM pg_locks
  WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))`;

/** Resolves when another session waits for a lock that this transaction has. */
export async function untilWaiting(transaction: Queries): Promise<void> {
  while ((await transaction.get(WAITING))?.["count"] === 0);
}
