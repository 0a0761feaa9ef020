/** The schema in PostgreSQL: created once, upgraded, and shared by neighboring versions. */
import assert from "node:assert/strict";
import { ConfigurationError } from "../../../../protocol/errors.ts";
import { connectionOptions } from "../../../../server/catalog/postgres/connection/connection_options.ts";
import { PostgresDatabase } from "../../../../server/catalog/postgres/database.ts";
import { migrate } from "../../../../server/catalog/postgres/migrate.ts";
import {
  type Migration,
  MIGRATION_LOCK,
  MIGRATIONS,
} from "../../../../server/catalog/postgres/migrations.ts";
import { nodesOf } from "../../../../server/catalog/postgres/operations/nodes.ts";
import { LEASE_MS } from "../../../../server/cluster/node_lease.ts";
import { openPostgresCatalog } from "../../../../server/catalog/postgres/postgres_catalog.ts";
import { registration } from "../../../support/store/catalog_suite.ts";
import { createDatabase, NO_SOURCES, type TestDatabase } from "../../../support/store/postgres.ts";
import { untilWaiting } from "../../../support/store/until_waiting.ts";

/** Three versions: the second one works on the third, the first one does not. */
const STEPS: readonly Migration[] = [
  { usableFrom: 1, script: "CREATE TABLE one (n integer); INSERT INTO one VALUES (1)" },
  { usableFrom: 2, script: "ALTER TABLE one RENAME TO two" },
  { usableFrom: 2, script: "ALTER TABLE two ADD COLUMN m integer NOT NULL DEFAULT 5" },
];

function databaseTest(what: string, body: (test: TestDatabase) => Promise<void>): void {
  Deno.test(`schema: ${what}`, async () => {
    await using test = await createDatabase({ isEmpty: true });
    await body(test);
  });
}

/** Migrates as a server of a schema version, and returns the rows of a table. */
async function migrateTo({ options }: TestDatabase, version: number, table: string) {
  await using database = new PostgresDatabase(options);
  await migrate(database, STEPS.slice(0, version));
  return await database.read((queries) => queries.all(`SELECT * FROM ${table}`));
}

const tooNew = (error: unknown) =>
  error instanceof ConfigurationError && error.code === "catalog-too-new";

databaseTest("a new version upgrades what an old one has written", async (test) => {
  assert.deepEqual(await migrateTo(test, 1, "one"), [{ n: 1 }]);
  assert.deepEqual(await migrateTo(test, 1, "one"), [{ n: 1 }]);
  assert.deepEqual(await migrateTo(test, 3, "two"), [{ n: 1, m: 5 }]);
  assert.deepEqual(await migrateTo(test, 3, "two"), [{ n: 1, m: 5 }]);
});

databaseTest("an old version works on a newer schema only if its steps allow it", async (test) => {
  await migrateTo(test, 3, "two");
  assert.deepEqual(await migrateTo(test, 2, "two"), [{ n: 1, m: 5 }]);
  await assert.rejects(migrateTo(test, 1, "one"), tooNew);
});

databaseTest("two versions that start at a time upgrade once", async (test) => {
  await Promise.all([3, 2, 3, 2, 3].map((version) => migrateTo(test, version, "two")));
  assert.deepEqual(await migrateTo(test, 3, "two"), [{ n: 1, m: 5 }]);
});

databaseTest("a failed step changes nothing", async (test) => {
  await using database = new PostgresDatabase(test.options);
  const faulty = [...STEPS.slice(0, 2), { usableFrom: 3, script: "CREATE TABLE two ()" }];
  await assert.rejects(migrate(database, faulty), /relation "two" already exists/);
  const tables = await database.read((queries) =>
    queries.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
  );
  assert.deepEqual(tables, []);
});

databaseTest("a server waits for another one that upgrades", async (test) => {
  await using database = new PostgresDatabase(test.options);
  const order: string[] = [];
  let started: Promise<void> | undefined;
  await database.transaction(async (one) => {
    await one.run("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK);
    started = migrateTo(test, 1, "one").then(() => void order.push("upgraded"));
    await untilWaiting(one);
    order.push("released");
  });
  await started;
  assert.deepEqual(order, ["released", "upgraded"]);
});

databaseTest("several catalogs open an empty database at a time", async ({ options }) => {
  const catalogs = await Promise.all([1, 2, 3].map(() => openPostgresCatalog(options)));
  const [first, second] = catalogs;
  await first?.accounts.registerV3(registration());
  assert.equal((await second?.accounts.list())?.length, 1);
  for (const catalog of catalogs) await catalog[Symbol.asyncDispose]();
});

databaseTest("a catalog of a newer version is refused", async ({ options }) => {
  await using database = new PostgresDatabase(options);
  const version = MIGRATIONS.length + 1;
  await migrate(database, [...MIGRATIONS, { usableFrom: version, script: "SELECT 1" }]);
  await assert.rejects(openPostgresCatalog(options), tooNew);
});

/** The next version, whose step servers of this one can work with or not. */
function nextVersion(canShare: boolean): readonly Migration[] {
  const version = MIGRATIONS.length;
  const script = canShare
    ? "ALTER TABLE clients ADD COLUMN shoe_size integer NOT NULL DEFAULT 43"
    : "ALTER TABLE clients RENAME COLUMN name TO title";
  return [...MIGRATIONS, { usableFrom: canShare ? version : version + 1, script }];
}

databaseTest(
  "a step that this version can work with is made while its servers run",
  async ({ options }) => {
    await using running = await openPostgresCatalog(options);
    const { epoch } = await running.nodes.join("running", LEASE_MS);
    await using newer = new PostgresDatabase(options);
    await migrate(newer, nextVersion(true));
    await running.accounts.registerV3(registration());
    assert.ok(await running.nodes.renew(epoch, LEASE_MS));
    // A server of this version can be started, too, beside one of the next.
    await using another = await openPostgresCatalog(options);
    await another.nodes.join("another", LEASE_MS);
    await nodesOf(newer, MIGRATIONS.length + 1).join("newer", LEASE_MS);
    assert.deepEqual((await another.nodes.running()).map(({ name }) => name), [
      ...["running", "another", "newer"],
    ]);
    assert.equal((await another.accounts.list()).length, 1);
  },
);

databaseTest(
  "a step that this version cannot work with waits until its servers have ended",
  async ({ options }) => {
    await using running = await openPostgresCatalog(options);
    const { epoch } = await running.nodes.join("running", LEASE_MS);
    await using newer = new PostgresDatabase(options);
    const inUse = { code: "catalog-in-use", message: /older version .*: running$/ };
    await assert.rejects(migrate(newer, nextVersion(false)), inUse);
    await running.accounts.registerV3(registration());
    // It is paused, and its lease ends.
    await running.nodes.renew(epoch, 0);
    await migrate(newer, nextVersion(false));
    await assert.rejects(running.accounts.registerV3(registration()), { code: "lease-lost" });
    assert.equal(await running.nodes.renew(epoch, LEASE_MS), undefined);
    await assert.rejects(running.nodes.join("running", LEASE_MS), tooNew);
  },
);

databaseTest("a database that could lose a commit is refused", async ({ name, options }) => {
  await using database = new PostgresDatabase(options);
  const set = `ALTER DATABASE ${name} SET synchronous_commit = off`;
  await database.read((queries) => queries.run(set));
  await assert.rejects(
    openPostgresCatalog(options),
    (error) =>
      error instanceof ConfigurationError && error.code === "database-unsuitable" &&
      /synchronous_commit is off/.test(error.message),
  );
});

databaseTest("a database with another encoding is refused", async ({ name, url }) => {
  const options = await connectionOptions(url, NO_SOURCES);
  await using admin = new PostgresDatabase(options);
  const latin = `${name}_latin`;
  const create = `CREATE DATABASE ${latin} ENCODING 'LATIN1' TEMPLATE template0`;
  await admin.read((queries) => queries.run(create));
  try {
    await assert.rejects(
      openPostgresCatalog({ ...options, database: latin }),
      (error) =>
        error instanceof ConfigurationError && error.code === "database-unsuitable" &&
        /its encoding is not UTF8/.test(error.message),
    );
  } finally {
    await admin.read((queries) => queries.run(`DROP DATABASE ${latin} WITH (FORCE)`));
  }
});

databaseTest("a user without the right to create tables is refused", async ({ options }) => {
  await using admin = new PostgresDatabase(options);
  const user = `user_${crypto.randomUUID().slice(0, 8)}`;
  await admin.read((queries) => queries.run(`CREATE USER ${user}`));
  try {
    await assert.rejects(
      openPostgresCatalog({ ...options, user }),
      (error) =>
        error instanceof ConfigurationError && error.code === "database-refused" &&
        /permission denied for schema public/.test(error.message),
    );
  } finally {
    await admin.read((queries) => queries.run(`DROP USER ${user}`));
  }
});
