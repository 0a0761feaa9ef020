/** Transactions of a PostgreSQL database, and a server that is killed, restarts or stays away. */
import assert from "node:assert/strict";
import { UnavailableError } from "../../../../protocol/errors.ts";
import { connectionOptions } from "../../../../server/catalog/postgres/connection/connection_options.ts";
import { failureKind } from "../../../../server/catalog/postgres/connection/failures.ts";
import {
  canFailAlone,
  type DatabaseSettings,
  PostgresDatabase,
} from "../../../../server/catalog/postgres/database.ts";
import { type Ending, FaultyProxy } from "../../../support/net/faulty_proxy.ts";
import {
  createDatabase,
  NO_SOURCES,
  PostgresServer,
  type TestDatabase,
} from "../../../support/store/postgres.ts";
import { reachable } from "../../../support/store/reachable.ts";

/** A database with a table of numbers. */
async function numbers(database: PostgresDatabase): Promise<number[]> {
  const rows = await database.read((queries) => queries.all("SELECT n FROM numbers ORDER BY n"));
  return rows.map((row) => row["n"] as number);
}

async function makeNumbers(
  { options }: TestDatabase,
  settings?: DatabaseSettings & { connections?: number },
): Promise<PostgresDatabase> {
  const { connections, ...rest } = settings ?? {};
  const all = connections === undefined ? options : { ...options, connections };
  const database = new PostgresDatabase(all, rest);
  await database.read((queries) => queries.run("CREATE TABLE numbers (n bigint PRIMARY KEY)"));
  return database;
}

const insert = "INSERT INTO numbers VALUES ($1)";
const terminate = "SELECT pg_terminate_backend($1)";
const backend = "SELECT pg_backend_pid() AS pid";

/** The test of a database on the shared server. */
function databaseTest(
  what: string,
  body: (database: PostgresDatabase) => Promise<void>,
  settings?: DatabaseSettings & { connections?: number },
): void {
  Deno.test(`database: ${what}`, async () => {
    await using test = await createDatabase({ isEmpty: true });
    await using database = await makeNumbers(test, settings);
    await body(database);
  });
}

databaseTest("a transaction makes all of its changes or none", async (database) => {
  assert.equal(await database.transaction((one) => one.run(insert, 1)), 1);
  const failure = new Error("no");
  await assert.rejects(
    database.transaction(async (one) => {
      await one.run(insert, 2);
      throw failure;
    }),
    failure,
  );
  assert.deepEqual(await numbers(database), [1]);
});

databaseTest("a part fails alone, and only its changes are lost", async (database) => {
  await database.transaction(async (one) => {
    await one.run(insert, 1);
    await one.part(() => one.run(insert, 2));
    await assert.rejects(
      one.part(async () => {
        await one.run(insert, 3);
        await one.run(insert, 1);
      }),
      (error) => canFailAlone(error) && failureKind(error) === "other",
    );
    await one.run(insert, 4);
  });
  assert.deepEqual(await numbers(database), [1, 2, 4]);
});

databaseTest("a transaction with a failed statement is not committed", async (database) => {
  await assert.rejects(
    database.transaction(async (one) => {
      await one.run(insert, 1);
      await one.run(insert, 1).catch(() => undefined);
    }),
    /cannot commit: a statement of the transaction has failed/,
  );
  assert.deepEqual(await numbers(database), []);
});

databaseTest("statements can be sent together, and are carried out in order", async (database) => {
  await database.transaction(async (one) => {
    const [, , rows] = await Promise.all([
      one.run(insert, 1),
      one.run("UPDATE numbers SET n = n + 1"),
      one.all("SELECT n FROM numbers"),
    ]);
    assert.deepEqual(rows, [{ n: 2 }]);
  });
});

databaseTest("of transactions that wait for each other, one is repeated", async (database) => {
  await database.transaction((one) => one.run("INSERT INTO numbers VALUES (10), (20)"));
  const both = Promise.withResolvers<void>();
  let begun = 0;
  let attempts = 0;
  const change = (first: number, second: number) =>
    database.transaction(async (one) => {
      attempts++;
      await one.run("SET LOCAL deadlock_timeout = '10ms'");
      await one.run("UPDATE numbers SET n = n + 1 WHERE n / 10 = $1", first);
      if (++begun === 2) both.resolve();
      await both.promise;
      await one.run("UPDATE numbers SET n = n + 1 WHERE n / 10 = $1", second);
    });
  await Promise.all([change(1, 2), change(2, 1)]);
  assert.equal(attempts, 3);
  assert.deepEqual(await numbers(database), [12, 22]);
});

databaseTest("a transaction whose session is ended runs again", async (database) => {
  let attempts = 0;
  await database.transaction(async (one) => {
    await one.run(insert, ++attempts);
    if (attempts > 1) return;
    const pid = (await one.get(backend))?.["pid"];
    await database.read((queries) => queries.run(terminate, pid));
    await one.run(insert, 100);
  });
  assert.equal(attempts, 2);
  assert.deepEqual(await numbers(database), [2]);
});

databaseTest("an idle connection that was ended is replaced", async (database) => {
  const pid = await database.read((queries) => queries.get(backend));
  await using other = await createDatabase({ isEmpty: true });
  await using admin = new PostgresDatabase(other.options);
  await admin.read((queries) => queries.run(terminate, pid?.["pid"]));
  assert.deepEqual(await numbers(database), []);
});

databaseTest(
  "a connection keeps nothing of a transaction, so that a pooler can share it",
  async (database) => {
    const state = () =>
      database.read((queries) =>
        queries.get(`SELECT current_setting('statement_timeout') AS timeout,
          current_setting('idle_in_transaction_session_timeout') AS idle,
          (SELECT count(*) FROM pg_prepared_statements) AS statements,
          (SELECT count(*) FROM pg_locks
            WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`)
      );
    const before = await state();
    await database.transaction(async (one) => {
      await one.run("SELECT pg_advisory_xact_lock(1)");
      await one.run(insert, 1);
      assert.equal((await one.get("SHOW statement_timeout"))?.["statement_timeout"], "30s");
    });
    assert.deepEqual(await state(), before);
    assert.deepEqual(before, { timeout: "0", idle: "0", statements: 0, locks: 0 });
  },
  { connections: 1 },
);

databaseTest("transactions share a bounded number of connections", async (database) => {
  const pids = new Set<unknown>();
  await Promise.all(Array.from({ length: 20 }, (_, n) =>
    database.transaction(async (one) => {
      await one.run(insert, n);
      pids.add((await one.get(backend))?.["pid"]);
    })));
  assert.ok(pids.size <= 2);
  assert.equal((await numbers(database)).length, 20);
}, { connections: 2 });

databaseTest("a statement that takes too long is cancelled", async (database) => {
  await assert.rejects(
    database.transaction(async (one) => {
      await one.run(insert, 1);
      await one.run("SELECT pg_sleep(60)");
    }, 20),
    (error) => error instanceof UnavailableError && /cannot keep up/.test(error.message),
  );
  assert.deepEqual(await numbers(database), []);
});

databaseTest("values of all types come back as they were", async (database) => {
  const bytes = [new Uint8Array(0), new Uint8Array([0, 9, 10, 127, 128, 255])];
  const large = new Uint8Array(256 * 1024).map((_, i) => i * 7);
  const row = await database.read((queries) =>
    queries.get(
      `SELECT $1::bytea AS none, $2::bytea AS some, $3::bytea AS large, $4::bigint AS big,
         sum($5::bigint) AS sum, $6::text AS text, $7::boolean AS truth, $8::text AS nothing`,
      ...[...bytes, large, Number.MAX_SAFE_INTEGER, -5, "ü/\u{1f600}'\\", true, undefined],
    )
  );
  assert.deepEqual(row, {
    ...{ none: bytes[0], some: bytes[1], large, big: Number.MAX_SAFE_INTEGER, sum: -5 },
    ...{ text: "ü/\u{1f600}'\\", truth: true, nothing: null },
  });
  const arrays = await database.read((queries) =>
    queries.all(
      "SELECT * FROM unnest($1::bytea[], $2::text[]) AS one (bytes, text)",
      ...[bytes, ["{a,\"b'\\", ""]],
    )
  );
  assert.deepEqual(arrays, [{ bytes: bytes[0], text: "{a,\"b'\\" }, { bytes: bytes[1], text: "" }]);
});

Deno.test("database: after a crash and a restart, the same object continues", async () => {
  await using server = await PostgresServer.start();
  await using test = await createDatabase({ server, isEmpty: true });
  await using database = await makeNumbers(test, { patienceMs: 60_000 });
  let attempts = 0;
  await database.transaction(async (one) => {
    await one.run(insert, ++attempts);
    if (attempts > 1) return;
    await server.stop("SIGKILL");
    const back = server.restart();
    await Promise.all([one.run(insert, 100).finally(() => back), back]);
  });
  assert.ok(attempts > 1);
  assert.deepEqual(await numbers(database), [attempts]);
});

Deno.test("database: while it is away, work fails after a while; it continues later", async () => {
  await using server = await PostgresServer.start();
  await using test = await createDatabase({ server, isEmpty: true });
  await using database = await makeNumbers(test, { patienceMs: 50 });
  await server.stop();
  const unavailable = (error: unknown) =>
    error instanceof UnavailableError && error.code === "unavailable" &&
    /^the database test_\w+ at \S+ does not answer: /.test(error.message);
  await assert.rejects(numbers(database), unavailable);
  await assert.rejects(database.transaction((one) => one.run(insert, 1)), unavailable);
  await server.restart();
  await database.transaction((one) => one.run(insert, 2));
  assert.deepEqual(await numbers(database), [2]);
});

/** A proxy to a server that cuts the connection when a commit passes: before it, or instead of its answer. */
function cuttingProxy(port: number, where: "before" | "after", ending: Ending) {
  const state = { isArmed: false, commits: 0 };
  const cuts = () => {
    let isCut = false;
    return {
      up: (bytes: Uint8Array<ArrayBuffer>) => {
        if (!state.isArmed || !new TextDecoder("latin1").decode(bytes).includes("COMMIT\0")) {
          return [bytes];
        }
        state.commits++;
        state.isArmed = false;
        if (where === "before") return [ending];
        isCut = true;
        return [bytes];
      },
      down: (bytes: Uint8Array<ArrayBuffer>) => isCut ? [ending] : [bytes],
    };
  };
  // Both directions of a connection are created one after the other.
  let last = cuts();
  const proxy = FaultyProxy.start({ hostname: "127.0.0.1", port }, {
    up: () => (last = cuts()).up,
    down: () => last.down,
  });
  return { state, proxy };
}

for (
  const [where, left] of [["before", []], ["after", [1]]] as const
) {
  for (const ending of ["rst", "fin"] as const) {
    Deno.test(`database: cut ${where} a commit (${ending}): reported, and not repeated unless that has no effect`, async () => {
      await using test = await createDatabase({ isEmpty: true });
      await using direct = await makeNumbers(test);
      await using reached = await reachable(test);
      const { state, proxy } = cuttingProxy(reached.port, where, ending);
      await using cut = await proxy;
      const url = `postgres://postgres@127.0.0.1:${cut.address.port}/${test.name}?sslmode=disable`;
      await using database = new PostgresDatabase(await connectionOptions(url, NO_SOURCES));
      await numbers(database);
      state.isArmed = true;
      await assert.rejects(
        database.transaction((one) => one.run(insert, 1)),
        (error) => error instanceof UnavailableError && /may have made/.test(error.message),
      );
      assert.equal(state.commits, 1);
      assert.deepEqual(await numbers(direct), left);
      await database.transaction((one) => one.run(insert, 2));
      assert.deepEqual(await numbers(database), [...left, 2]);
      state.isArmed = true;
      await database.repeatable((one) => one.run(`${insert} ON CONFLICT DO NOTHING`, 3));
      assert.deepEqual(await numbers(database), [...left, 2, 3]);
      assert.equal(state.commits, 2);
    });
  }
}

Deno.test("database: transactions that wait for a connection are counted", async () => {
  await using test = await createDatabase({ isEmpty: true });
  await using database = await makeNumbers(test, { connections: 1 });
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = database.transaction(async () => {
    begun.resolve();
    await end.promise;
  });
  await begun.promise;
  const others = [numbers(database), numbers(database)];
  while (database.waiting < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  end.resolve();
  await Promise.all([first, ...others]);
  assert.equal(database.waiting, 0);
});
