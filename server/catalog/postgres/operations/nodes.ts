/**
 * The servers that use the catalog, and values that all of them use.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Row } from "../../rows.ts";
import {
  IMPORT_NAME,
  type JoinedNode,
  LeaseLost,
  type Nodes,
  type RunningNode,
  type SharedValues,
} from "../../shared_catalog.ts";
import { LEASE_LOCK } from "../cluster_tables.ts";
import type { PostgresDatabase, Transaction } from "../database.ts";
import { MIGRATION_LOCK, MIGRATIONS, tooNew } from "../migrations.ts";
import { removeNode } from "../remove_nodes.ts";
import { type OperationsOf, read, write } from "./operation.ts";

/** The end of a lease that begins now, by the clock of the database. */
const LEASE_END = "clock_timestamp() + $1 * interval '1 millisecond'";
/** A row of a server beside the oldest one with a lease. */
const JOINED = `epoch, NOT EXISTS (SELECT FROM nodes AS other
  WHERE other.epoch < nodes.epoch AND other.lease_until > clock_timestamp()
    AND other.name !~ '${IMPORT_NAME}') AS oldest`;

/** The servers. A database object that has joined checks its lease in each of its transactions. */
export function nodesOf(database: PostgresDatabase, version = MIGRATIONS.length): Nodes {
  return {
    async join(name, leaseMs) {
      const insert = `INSERT INTO nodes (lease_until, name, schema_version)
        SELECT ${LEASE_END}, $2, $3 FROM schema_version WHERE usable_from <= $3
        RETURNING ${JOINED}`;
      const joined = await database.unchecked(async (one) => {
        // The schema can be upgraded while this server is without a lease.
        await one.run("SELECT pg_advisory_xact_lock_shared($1)", MIGRATION_LOCK);
        const joined = await change(one, insert, leaseMs, name, version);
        if (joined !== undefined) return joined;
        const row = await one.get("SELECT version FROM schema_version");
        throw tooNew((row?.["version"] ?? 0) as number, version);
      });
      database.checkLease(joined.epoch);
      return joined;
    },
    async renew(epoch, leaseMs) {
      const extend = `UPDATE nodes SET lease_until = ${LEASE_END}, renewals = renewals + 1
        WHERE epoch = $2 RETURNING ${JOINED}`;
      try {
        return await database.repeatable((one) => change(one, extend, leaseMs, epoch));
      } catch (error) {
        if (error instanceof LeaseLost) return undefined;
        throw error;
      }
    },
    async leave(epoch) {
      await database.transaction((one) => removeNode(one, epoch));
    },
    async running() {
      const rows = await database.read(({ all }) =>
        all(
          `SELECT epoch, name, renewals,
            extract(epoch FROM lease_until - clock_timestamp()) * 1000 AS left_ms
          FROM nodes WHERE lease_until > clock_timestamp() ORDER BY epoch`,
        )
      );
      return rows.map(toNode);
    },
  };
}

function toNode(row: Row): RunningNode {
  return {
    name: row["name"] as string,
    epoch: row["epoch"] as number,
    leftMs: row["left_ms"] as number,
    renewals: row["renewals"] as number,
  };
}

/** Removes servers whose lease has ended, and changes the own row. Returns `undefined` without such a row. */
async function change(
  transaction: Transaction,
  sql: string,
  ...values: readonly unknown[]
): Promise<JoinedNode | undefined> {
  const row = await transaction.get(sql, ...values);
  if (row === undefined) return undefined;
  const epoch = row["epoch"] as number;
  const removed = await removeEnded(transaction, epoch);
  return { epoch, isOldest: row["oldest"] as boolean, removed };
}

/** Removes servers whose lease has ended, unless a transaction of theirs is in progress: then, the next one does it. */
async function removeEnded(transaction: Transaction, own: number): Promise<string[]> {
  const ended = await transaction.all(
    `SELECT epoch, name FROM nodes WHERE epoch <> $1 AND lease_until <= clock_timestamp()
     ORDER BY epoch FOR UPDATE SKIP LOCKED`,
    own,
  );
  const removed: string[] = [];
  for (const row of ended) {
    const epoch = row["epoch"] as number;
    const locked = await transaction.get(
      "SELECT pg_try_advisory_xact_lock($1, $2::integer) AS locked",
      ...[LEASE_LOCK, epoch],
    );
    if (locked?.["locked"] !== true) continue;
    await removeNode(transaction, epoch);
    removed.push(row["name"] as string);
  }
  return removed;
}

export const VALUE_OPERATIONS: OperationsOf<SharedValues> = {
  find: read(async ({ get }, name) => {
    return (await get("SELECT value FROM shared_values WHERE name = $1", name))?.["value"] as
      | Bytes
      | undefined;
  }),
  keep: write(async ({ run, get }, name, value) => {
    await run(
      "INSERT INTO shared_values (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      ...[name, value],
    );
    return (await get("SELECT value FROM shared_values WHERE name = $1", name))?.["value"] as Bytes;
  }),
};
