/**
 * Creates and upgrades the schema of a database.
 *
 * @module
 */
import { ConfigurationError } from "../../../protocol/errors.ts";
import type { PostgresDatabase, Queries } from "./database.ts";
import { type Migration, MIGRATION_LOCK, MIGRATIONS, tooNew } from "./migrations.ts";
import { removeOlderNodes } from "./remove_nodes.ts";

/** The time that a step may take, in milliseconds: a large table can get a new index. */
const STEP_MS = 60 * 60_000;
/** The oldest version of PostgreSQL, as `server_version_num`. */
const OLDEST = 140_000;

/**
 * Brings the schema to the version of this program. A server of a newer version may have upgraded it already: then this
 * program uses it as long as the newer steps allow it. Servers that start at the same time wait for each other. Throws
 * `ConfigurationError` `catalog-too-new`, `database-unsuitable`; `catalog-in-use` if a server is running that cannot
 * work with the new schema.
 */
export async function migrate(
  database: PostgresDatabase,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  if (await isUsable(database, migrations)) return;
  await database.transaction(async (transaction) => {
    await transaction.run("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK);
    await transaction.run(
      `CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL, usable_from integer NOT NULL)`,
    );
    const found = await versionOf(transaction);
    if (found >= migrations.length) return;
    const usableFrom = Math.max(...migrations.map(({ usableFrom }) => usableFrom));
    if (found > 0) await removeOlderNodes(transaction, usableFrom);
    for (const { script } of migrations.slice(found)) await transaction.run(script);
    await transaction.run("DELETE FROM schema_version");
    await transaction.run(
      "INSERT INTO schema_version (version, usable_from) VALUES ($1, $2)",
      ...[migrations.length, usableFrom],
    );
  }, STEP_MS);
  if (await isUsable(database, migrations)) return;
  throw new Error("cannot upgrade the catalog: another program changes it");
}

/** Whether the schema needs no upgrade. */
function isUsable(
  database: PostgresDatabase,
  migrations: readonly Migration[],
): Promise<boolean> {
  return database.read(async (queries) => {
    await refuseUnsuitable(queries);
    const table = await queries.get("SELECT to_regclass('schema_version') AS found");
    if (table?.["found"] === null) return false;
    const row = await queries.get("SELECT version, usable_from FROM schema_version");
    if (row === undefined) return false;
    const [version, usableFrom] = [row["version"] as number, row["usable_from"] as number];
    if (usableFrom > migrations.length) throw tooNew(version, migrations.length);
    return version >= migrations.length;
  });
}

async function versionOf(queries: Queries): Promise<number> {
  return ((await queries.get("SELECT version FROM schema_version"))?.["version"] ?? 0) as number;
}

/** Refuses databases in which a name could be changed, or a commit lost. */
async function refuseUnsuitable(queries: Queries): Promise<void> {
  const row = await queries.get(`SELECT current_setting('server_version_num')::integer AS version,
    current_setting('server_encoding') AS encoding,
    current_setting('synchronous_commit') AS commits`);
  if (row === undefined) return;
  if ((row["version"] as number) < OLDEST) {
    throw unsuitable("it is older than PostgreSQL 14", "Use a newer version of PostgreSQL.");
  }
  if (row["encoding"] !== "UTF8") {
    throw unsuitable("its encoding is not UTF8", "Create it with ENCODING 'UTF8'.");
  }
  if (row["commits"] === "off") {
    throw unsuitable(
      "synchronous_commit is off, so that a confirmed file can be lost",
      "Set synchronous_commit to on for the database and its user.",
    );
  }
}

function unsuitable(reason: string, hint: string): ConfigurationError {
  return new ConfigurationError(
    "database-unsuitable",
    `cannot keep a catalog in this database: ${reason}`,
    { hint },
  );
}
