/**
 * The queue of events for a receiver.
 *
 * @module
 */
import { encodeHook, type HookEvent } from "../../hook_events.ts";
import {
  type HookBounds,
  type HookClaim,
  type HookKind,
  type HookOutcome,
  type HookSelection,
  type HookTotals,
  MAX_HOOK_DELAY_MS,
  MAX_HOOK_FAILURE,
  type NewHook,
  type QueuedHook,
} from "../../hook_queue.ts";
import { HOOK_COLUMNS, toHook, toHookTotals, whereHooks } from "../../hook_rows.ts";
import type { Database } from "../database.ts";
import { read, write } from "./operation.ts";

/** Events that are due and that no earlier event of their account keeps back. All four values are the time. */
const READY = `dead = 0
  AND due_at NOT BETWEEN ? + 1 AND ? + ${MAX_HOOK_DELAY_MS}
  AND coalesce(claimed_until, 0) NOT BETWEEN ? + 1 AND ? + ${MAX_HOOK_DELAY_MS}
  AND NOT EXISTS (SELECT 1 FROM hooks AS other WHERE other.dead = 0
    AND other.client_id = hooks.client_id AND other.lane = hooks.lane AND other.id < hooks.id)
  AND NOT EXISTS (SELECT 1 FROM hooks AS other WHERE other.dead = 0
    AND other.client_id = hooks.client_id AND other.lane IS NULL AND other.id < hooks.id)
  AND (hooks.lane IS NOT NULL OR NOT EXISTS (SELECT 1 FROM hooks AS other WHERE other.dead = 0
    AND other.client_id = hooks.client_id AND other.id < hooks.id))`;

export const HOOK_OPERATIONS = {
  watch: write((database, kinds: readonly HookKind[]): void => {
    database.hooks = new Set(kinds);
  }),
  add: write((database, hooks: readonly NewHook[]): void => insert(database, hooks)),
  claim: write((database, { token, most, leaseMs }: HookClaim): QueuedHook[] => {
    const now = Date.now();
    const query = `SELECT ${HOOK_COLUMNS} FROM hooks WHERE ${READY} ORDER BY id LIMIT ?`;
    const rows = database.all(query, ...[now, now, now, now], most);
    for (const { id } of rows) {
      const query = "UPDATE hooks SET claim = ?, claimed_until = ? WHERE id = ?";
      database.run(query, token, now + leaseMs, id as number);
    }
    return rows.map(toHook);
  }),
  settle: write((
    database,
    token: string,
    outcomes: readonly HookOutcome[],
    deadAfterMs: number,
  ): number => {
    const now = Date.now();
    let died = 0;
    for (const { number, failure } of outcomes) {
      if (failure === undefined) {
        database.run("DELETE FROM hooks WHERE id = ?", number);
        continue;
      }
      const query = "SELECT queued_at FROM hooks WHERE id = ? AND claim = ?";
      const row = database.get(query, number, token);
      if (row === undefined) continue;
      const isDead = (row["queued_at"] as number) + deadAfterMs <= now;
      if (isDead) died++;
      database.run(
        `UPDATE hooks SET claim = NULL, claimed_until = NULL, attempts = attempts + 1, failure = ?,
           due_at = ?, dead = ? WHERE id = ?`,
        failure.reason.slice(0, MAX_HOOK_FAILURE),
        ...[Math.round(now + failure.delayMs), isDead ? 1 : 0, number],
      );
    }
    return died;
  }),
  trim: write((database, { rows, bytes, dead }: HookBounds): number => {
    const over = (isDead: 0 | 1, rows: number, bytes: number) => {
      const [all] = database.all(
        "SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM hooks WHERE dead = ?",
        isDead,
      );
      if ((all?.["rows"] as number) <= rows && (all?.["bytes"] as number) <= bytes) return 0;
      const [last] = database.all(
        `SELECT max(id) AS id FROM (SELECT id, row_number() OVER newest AS rows,
           sum(size) OVER newest AS bytes FROM hooks WHERE dead = ?
           WINDOW newest AS (ORDER BY id DESC ROWS UNBOUNDED PRECEDING))
         WHERE rows > ? OR bytes > ?`,
        ...[isDead, rows, bytes],
      );
      return remove(database, "dead = ? AND id <= ?", isDead, last?.["id"] as number);
    };
    over(1, dead, bytes);
    return over(0, rows, bytes);
  }),
  totals: read((database): HookTotals => {
    const [row] = database.all(
      `SELECT count(*) FILTER (WHERE dead = 0) AS waiting, count(*) FILTER (WHERE dead = 1) AS dead,
         coalesce(sum(size) FILTER (WHERE dead = 0), 0) AS bytes,
         min(queued_at) FILTER (WHERE dead = 0) AS oldest FROM hooks`,
    );
    return toHookTotals(row);
  }),
  list: read((database, after: number, limit: number): QueuedHook[] =>
    database.all(`SELECT ${HOOK_COLUMNS} FROM hooks WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
      .map(toHook)
  ),
  retry: write((database, which: HookSelection): number => {
    const [where, ...values] = whereHooks(which, "?");
    const now = Date.now();
    const [row] = database.all(`SELECT count(*) AS count FROM hooks WHERE ${where}`, ...values);
    database.run(
      `UPDATE hooks SET dead = 0, due_at = ?, queued_at = CASE dead WHEN 1 THEN ? ELSE queued_at END
       WHERE ${where}`,
      ...[now, now, ...values],
    );
    return row?.["count"] as number;
  }),
  drop: write((database, which: HookSelection): number =>
    remove(database, ...whereHooks(which, "?"))
  ),
};

/** Queues the events of a change, if the server watches their kind. */
export function queueHooks(
  database: Database,
  kind: HookKind,
  events: () => readonly HookEvent[],
): void {
  if (!database.hooks.has(kind)) return;
  insert(database, events().map(encodeHook));
}

function insert(database: Database, hooks: readonly NewHook[]): void {
  const now = Date.now();
  for (const { delivery, type, accountId, lane, body } of hooks) {
    database.run(
      `INSERT INTO hooks (delivery, type, client_id, lane, body, size, queued_at, due_at)
       VALUES (?, ?, ?, ?, ?, length(CAST(? AS BLOB)), ?, ?)`,
      ...[delivery, type, accountId ?? null, lane ?? null, body, body, now, now],
    );
  }
}

function remove(database: Database, where: string, ...values: (string | number)[]): number {
  const [row] = database.all(`SELECT count(*) AS count FROM hooks WHERE ${where}`, ...values);
  database.run(`DELETE FROM hooks WHERE ${where}`, ...values);
  return row?.["count"] as number;
}
