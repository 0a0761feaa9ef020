/**
 * Rows of the table `hooks`, which has the queue of events.
 *
 * @module
 */
import type { HookSelection, HookTotals, QueuedHook } from "./hook_queue.ts";
import type { Row } from "./rows.ts";

/** The columns of an event. */
export const HOOK_COLUMNS = "id, delivery, type, body, queued_at, attempts, failure, dead";

/** An event from these columns. */
export function toHook(row: Row): QueuedHook {
  return {
    number: row["id"] as number,
    delivery: row["delivery"] as string,
    type: row["type"] as string,
    body: row["body"] as string,
    queuedAt: row["queued_at"] as number,
    attempts: row["attempts"] as number,
    failure: (row["failure"] as string | null) ?? undefined,
    isDead: Boolean(row["dead"]),
  };
}

/** The length of the queue from a row with its fields. */
export function toHookTotals(row: Row | undefined): HookTotals {
  return {
    waiting: row?.["waiting"] as number,
    bytes: row?.["bytes"] as number,
    oldest: (row?.["oldest"] as number | null) ?? undefined,
    dead: row?.["dead"] as number,
  };
}

/** The condition for chosen events, and its values. `parameter`: stands for the first value. */
export function whereHooks(which: HookSelection, parameter: string): [string, ...string[]] {
  if (which === "dead") return ["dead"];
  return which === "all" ? ["true"] : [`delivery = ${parameter}`, which.delivery];
}
