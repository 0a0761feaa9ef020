/** Connections to PostgreSQL: sockets, TLS, passwords. */
import assert from "node:assert/strict";
import { ConfigurationError, UnavailableError } from "../../../../protocol/errors.ts";
import { connectionOptions } from "../../../../server/catalog/postgres/connection/connection_options.ts";
import { PostgresDatabase } from "../../../../server/catalog/postgres/database.ts";
import { createDatabase, NO_SOURCES, PostgresServer } from "../../../support/store/postgres.ts";
import { reachable } from "../../../support/store/reachable.ts";
import { Authority } from "../../../support/tls/certificate_authority.ts";

/** A server with TLS for `names`, where the user `alice` needs the password `secret` over TCP. */
async function startSecure(names: readonly string[]) {
  const authority = await Authority.create();
  const { certificate, key } = await authority.issue({ names });
  const server = await PostgresServer.start({
    isTcp: true,
    settings: { ssl: "on" },
    files: {
      "server.crt": certificate,
      "server.key": key,
      "pg_hba.conf": "local all all trust\nhostssl all all all scram-sha-256\n",
    },
  });
  try {
    await using admin = await open(`postgres://postgres@/postgres?host=${server.socket}`, server);
    await admin.read((queries) => queries.run("CREATE USER alice PASSWORD 'secret'"));
    return { server, authority };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

interface Given {
  password?: string;
  readonly authority?: Authority;
}

async function open(
  url: string,
  server: { readonly port: number },
  given: Given = {},
): Promise<PostgresDatabase> {
  const { authority } = given;
  const options = await connectionOptions(url.replace("PORT", `${server.port}`), {
    ...NO_SOURCES,
    env: (name) =>
      ({
        PGPASSWORD: given.password,
        PGPORT: `${server.port}`,
        PGSSLROOTCERT: authority && "ca",
      })[name],
    readTextFile: () => Promise.resolve(authority?.certificate ?? ""),
  });
  return new PostgresDatabase(options, { patienceMs: 100 });
}

const who = async (database: PostgresDatabase) =>
  await database.read((queries) =>
    queries.get(`SELECT current_user AS user, coalesce(ssl, false) AS ssl, version
      FROM pg_stat_ssl WHERE pid = pg_backend_pid()`)
  );

const refused = (reason: RegExp) => (error: unknown) =>
  error instanceof ConfigurationError && error.code === "database-refused" &&
  reason.test(error.message) && !/secret|wrong/.test(`${error.message} ${error.hint}`);

const URL = "postgres://alice@127.0.0.1:PORT/postgres";

Deno.test("connection: TLS with a verified server, and a password over SCRAM", async () => {
  const { server, authority } = await startSecure(["127.0.0.1"]);
  await using _server = server;
  await using database = await open(URL, server, { password: "secret", authority });
  assert.deepEqual(await who(database), { user: "alice", ssl: true, version: "TLSv1.3" });
  const large = new Uint8Array(1_000_000).map((_, i) => i * 7);
  const row = await database.read((queries) =>
    queries.get("SELECT $1::bytea AS large, length($1) AS size", large)
  );
  assert.deepEqual(row, { large, size: large.length }, "in pieces both ways");

  await using wrong = await open(URL, server, { password: "wrong", authority });
  await assert.rejects(who(wrong), refused(/password authentication failed for user "alice"/));
  await using missing = await open(
    URL.replace("/postgres", "/nothing"),
    server,
    {
      ...{ password: "secret", authority },
    },
  );
  await assert.rejects(who(missing), refused(/database "nothing" does not exist/));
  await using none = await open(URL, server, { authority });
  await assert.rejects(who(none), refused(/asks for a password of its user alice/));
});

Deno.test("connection: while its password is being changed, the database is unavailable", async () => {
  const { server, authority } = await startSecure(["127.0.0.1"]);
  await using _server = server;
  const given: Given = { password: "secret", authority };
  await using database = await open(URL, server, given);
  await who(database);
  await using admin = await open(`postgres://postgres@/postgres?host=${server.socket}`, server);
  await admin.read(async ({ run }) => {
    await run("ALTER USER alice PASSWORD 'other'");
    await run(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'alice'",
    );
  });
  await assert.rejects(
    who(database),
    (error) =>
      error instanceof UnavailableError &&
      /refuses this server: password authentication failed/.test(error.message),
  );
  given.password = "other";
  assert.equal((await who(database))?.["user"], "alice");
});

Deno.test("connection: a server that is not the one of the URL is refused", async () => {
  const { server, authority } = await startSecure(["db.example.org"]);
  await using _server = server;
  const password = "secret";
  await using otherName = await open(URL, server, { password, authority });
  await assert.rejects(who(otherName), refused(/certificate/));
  await using otherAuthority = await open(URL, server, {
    password,
    authority: await Authority.create(),
  });
  await assert.rejects(who(otherAuthority), refused(/certificate/));
  await using system = await open(URL, server, { password });
  await assert.rejects(who(system), refused(/certificate/));
  await using plain = await open(`${URL}?sslmode=disable`, server, { password });
  await assert.rejects(who(plain), refused(/no pg_hba.conf entry/));
});

Deno.test("connection: without TLS at the server, nothing is sent in the clear", async () => {
  // A server at a Unix socket answers like one whose TLS is off.
  await using test = await createDatabase({ isEmpty: true });
  await using reached = await reachable(test);
  const url = "postgres://postgres@127.0.0.1:PORT/postgres";
  await using database = await open(url, reached, { password: "secret" });
  await assert.rejects(who(database), refused(/it does not accept TLS connections/));
  await using plain = await open(`${url}?sslmode=disable`, reached);
  assert.deepEqual(await who(plain), { user: "postgres", ssl: false, version: null });
});
