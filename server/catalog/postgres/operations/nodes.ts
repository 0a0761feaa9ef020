/**
 * The servers that use the catalog, and values that all of them use.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Row } from "../../rows.ts";
import {
  type Joined,
  LeaseLost,
  type Nodes,
  type RunningNode,
  type SharedValues,
} from "../../shared_catalog.ts";
import { LEASE_LOCK, NODES_LOCK } from "../cluster_tables.ts";
import type { PostgresDatabase } from "../database.ts";
import { type OperationsOf, read, write } from "./operation.ts";

/** The end of a lease that begins now, by the clock of the database. */
const LEASE_END = "clock_timestamp() + $1 * interval '1 millisecond'";

/** The servers. A database object that has joined checks its lease in each of its transactions. */
export function nodesOf(database: PostgresDatabase): Nodes {
  return {
    async join(name, leaseMs) {
      const joined = await database.transaction<Joined>(async (transaction) => {
        await transaction.run("SELECT pg_advisory_xact_lock($1)", NODES_LOCK);
        const other = await transaction.get(
          `SELECT epoch, name, renewals,
            extract(epoch FROM lease_until - clock_timestamp()) * 1000 AS left_ms
          FROM nodes WHERE lease_until > clock_timestamp() ORDER BY epoch LIMIT 1`,
        );
        if (other !== undefined) return { other: toNode(other) };
        await transaction.run(
          "SELECT pg_advisory_xact_lock($1, epoch::integer) FROM nodes",
          LEASE_LOCK,
        );
        await transaction.run("DELETE FROM nodes");
        const own = await transaction.get(
          `INSERT INTO nodes (lease_until, name) VALUES (${LEASE_END}, $2) RETURNING epoch`,
          ...[leaseMs, name],
        );
        return { epoch: own?.["epoch"] as number };
      });
      if ("epoch" in joined) database.checkLease(joined.epoch);
      return joined;
    },
    async renew(epoch, leaseMs) {
      const extend = `UPDATE nodes SET lease_until = ${LEASE_END}, renewals = renewals + 1
        WHERE epoch = $2`;
      try {
        return await database.transaction((one) => one.run(extend, leaseMs, epoch)) === 1;
      } catch (error) {
        if (error instanceof LeaseLost) return false;
        throw error;
      }
    },
    async leave(epoch) {
      await database.transaction((one) => one.run("DELETE FROM nodes WHERE epoch = $1", epoch));
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
