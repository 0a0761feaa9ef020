/**
 * The queue of events for a receiver.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { encodeHook, type HookEvent } from "../../hook_events.ts";
import {
  type HookBounds,
  type HookClaim,
  type HookKind,
  type HookOutcome,
  type HookQueue,
  type HookSelection,
  MAX_HOOK_DELAY_MS,
  MAX_HOOK_FAILURE,
  type NewHook,
} from "../../hook_queue.ts";
import { HOOK_COLUMNS, toHook, toHookTotals, whereHooks } from "../../hook_rows.ts";
import type { Account } from "../../accounts.ts";
import { toAccount } from "../../rows.ts";
import type { Queries, Transaction } from "../database.ts";
import { atMost, type OperationsOf, read, repeatable, write } from "./operation.ts";

/** The lock of a transaction that claims events, the letters "xhok". */
const CLAIM_LOCK = 0x78686f6b;
/** Milliseconds since the epoch by the clock of the database. */
const NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/** An earlier event of the account of a row of `hooks`. */
const earlier = (condition: string) =>
  `EXISTS (SELECT FROM hooks AS other WHERE NOT other.dead AND other.client_id = hooks.client_id
    AND ${condition} AND other.id < hooks.id)`;
/** Events that are due and that no earlier event of their account keeps back. */
const READY = `NOT dead
  AND due_at NOT BETWEEN ${NOW} + 1 AND ${NOW} + ${MAX_HOOK_DELAY_MS}
  AND coalesce(claimed_until, 0) NOT BETWEEN ${NOW} + 1 AND ${NOW} + ${MAX_HOOK_DELAY_MS}
  AND NOT ${earlier("other.lane = hooks.lane")} AND NOT ${earlier("other.lane IS NULL")}
  AND (hooks.lane IS NOT NULL OR NOT ${earlier("true")})`;

export const HOOK_OPERATIONS: OperationsOf<HookQueue> = {
  watch: (database, kinds: readonly HookKind[]) => {
    database.watchHooks(kinds);
    return Promise.resolve();
  },
  add: write((transaction, hooks: readonly NewHook[]) => insert(transaction, hooks)),
  claim: write(async (transaction, { token, most, leaseMs }: HookClaim) => {
    await transaction.run("SELECT pg_advisory_xact_lock($1)", CLAIM_LOCK);
    const rows = await transaction.all(
      `UPDATE hooks SET claim = $1, claimed_until = ${NOW} + $3
       WHERE id IN (SELECT id FROM hooks WHERE ${READY} ORDER BY id LIMIT $2)
       RETURNING ${HOOK_COLUMNS}`,
      ...[token, most, leaseMs],
    );
    return rows.map(toHook).sort((a, b) => a.number - b.number);
  }),
  settle: write(async (
    transaction,
    token: string,
    outcomes: readonly HookOutcome[],
    deadAfterMs: number,
  ) => {
    const delivered = outcomes.filter(({ failure }) => failure === undefined);
    const failed = outcomes.flatMap(({ number, failure }) =>
      failure === undefined ? [] : [{ number, ...failure }]
    );
    await transaction.run(
      "DELETE FROM hooks WHERE id = ANY ($1::bigint[])",
      delivered.map(({ number }) => number),
    );
    const rows = await transaction.all(
      `UPDATE hooks SET claim = NULL, claimed_until = NULL, attempts = attempts + 1,
         failure = one.failure, due_at = ${NOW} + one.delay, dead = queued_at + $5 <= ${NOW}
       FROM unnest($2::bigint[], $3::text[], $4::bigint[]) AS one (id, failure, delay)
       WHERE hooks.id = one.id AND claim = $1 RETURNING dead`,
      token,
      failed.map(({ number }) => number),
      failed.map(({ reason }) => reason.slice(0, MAX_HOOK_FAILURE)),
      failed.map(({ delayMs }) => Math.round(delayMs)),
      atMost(deadAfterMs),
    );
    return rows.filter(({ dead }) => dead === true).length;
  }),
  trim: write(async (transaction, { rows, bytes, dead }: HookBounds) => {
    await trimTo(transaction, true, dead, bytes);
    return await trimTo(transaction, false, rows, bytes);
  }),
  totals: read(async (queries) => {
    const row = await queries.get(
      `SELECT count(*) FILTER (WHERE NOT dead) AS waiting, count(*) FILTER (WHERE dead) AS dead,
         coalesce(sum(size) FILTER (WHERE NOT dead), 0)::bigint AS bytes,
         min(queued_at) FILTER (WHERE NOT dead) AS oldest FROM hooks`,
    );
    return toHookTotals(row);
  }),
  list: read(async (queries, after: number, limit: number) => {
    const query = `SELECT ${HOOK_COLUMNS} FROM hooks WHERE id > $1 ORDER BY id LIMIT $2`;
    return (await queries.all(query, after, limit)).map(toHook);
  }),
  retry: repeatable((transaction, which: HookSelection) => {
    const [where, ...values] = whereHooks(which, "$1");
    return transaction.run(
      `UPDATE hooks SET dead = false, due_at = ${NOW},
         queued_at = CASE WHEN dead THEN ${NOW} ELSE queued_at END WHERE ${where}`,
      ...values,
    );
  }),
  drop: write((transaction, which: HookSelection) => {
    const [where, ...values] = whereHooks(which, "$1");
    return transaction.run(`DELETE FROM hooks WHERE ${where}`, ...values);
  }),
};

/** Queues the events of a change, if the server watches their kind. */
export async function queueHooks(
  transaction: Transaction,
  kind: HookKind,
  events: () => readonly HookEvent[],
): Promise<void> {
  if (!transaction.hooks.has(kind)) return;
  await insert(transaction, events().map(encodeHook));
}

/** Queues an event of an account, if the server watches its kind. */
export async function queueHooksOf(
  transaction: Transaction,
  id: Bytes,
  kind: HookKind,
  event: (owner: Account) => HookEvent,
): Promise<void> {
  if (!transaction.hooks.has(kind)) return;
  const row = await transaction.get("SELECT * FROM clients WHERE id = $1", id);
  if (row !== undefined) await queueHooks(transaction, kind, () => [event(toAccount(row))]);
}

async function insert(queries: Queries, hooks: readonly NewHook[]): Promise<void> {
  if (hooks.length === 0) return;
  await queries.run(
    `INSERT INTO hooks (delivery, type, client_id, lane, body, size, queued_at, due_at)
     SELECT delivery, type, client_id, lane, body, octet_length(body), ${NOW}, ${NOW}
     FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::text[])
       WITH ORDINALITY AS one (delivery, type, client_id, lane, body, at) ORDER BY at`,
    hooks.map(({ delivery }) => delivery),
    hooks.map(({ type }) => type),
    hooks.map(({ accountId }) => accountId ?? null),
    hooks.map(({ lane }) => lane ?? null),
    hooks.map(({ body }) => body),
  );
}

/** Removes the oldest events that are over the bounds. Returns their number. */
async function trimTo(
  queries: Queries,
  isDead: boolean,
  rows: number,
  bytes: number,
): Promise<number> {
  const all = await queries.get(
    `SELECT count(*) AS rows, coalesce(sum(size), 0)::bigint AS bytes FROM hooks WHERE dead = $1`,
    isDead,
  );
  if ((all?.["rows"] as number) <= rows && (all?.["bytes"] as number) <= bytes) return 0;
  return await queries.run(
    `DELETE FROM hooks WHERE dead = $1 AND id <= (SELECT max(id) FROM (
       SELECT id, row_number() OVER newest AS rows, sum(size) OVER newest AS bytes FROM hooks
       WHERE dead = $1 WINDOW newest AS (ORDER BY id DESC ROWS UNBOUNDED PRECEDING)) AS one
     WHERE rows > $2 OR bytes > $3)`,
    ...[isDead, atMost(rows), atMost(bytes)],
  );
}
