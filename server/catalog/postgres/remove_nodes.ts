/**
 * Removes servers from the database, with what belongs to them.
 *
 * @module
 */
import { ConfigurationError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { LEASE_LOCK } from "./cluster_tables.ts";
import type { Transaction } from "./database.ts";

/**
 * Removes servers without a lease that cannot work with a schema that is about to be made. Waits for their transactions.
 * Throws `ConfigurationError` `catalog-in-use` if such a server has a lease.
 */
export async function removeOlderNodes(
  transaction: Transaction,
  usableFrom: number,
): Promise<void> {
  const table = await transaction.get("SELECT to_regclass('nodes') AS found");
  if (table?.["found"] === null) return;
  const older = await transaction.all(
    `SELECT epoch, name, lease_until > clock_timestamp() AS runs FROM nodes
     WHERE schema_version < $1 ORDER BY epoch FOR UPDATE`,
    usableFrom,
  );
  for (const row of older) if (row["runs"] === true) throw olderServer(row["name"] as string);
  for (const row of older) {
    const epoch = row["epoch"] as number;
    await transaction.run("SELECT pg_advisory_xact_lock($1, $2::integer)", LEASE_LOCK, epoch);
    await removeNode(transaction, epoch);
  }
}

function olderServer(name: string): ConfigurationError {
  return new ConfigurationError(
    "catalog-in-use",
    `the catalog is served by an older version that cannot work with this one: ${printable(name)}`,
    { hint: "Stop all servers of the older version, then start those of the newer one." },
  );
}

/** Removes a server, and what belongs to it. Blobs that it has reserved are garbage without its row. */
export async function removeNode(transaction: Transaction, epoch: number): Promise<void> {
  await Promise.all(
    ["nodes", "open_uploads", "claims"].map((table) =>
      transaction.run(`DELETE FROM ${table} WHERE epoch = $1`, epoch)
    ),
  );
}
