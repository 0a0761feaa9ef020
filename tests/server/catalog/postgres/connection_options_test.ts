/** The URL of a database, and the variables of PostgreSQL's own programs. */
import assert from "node:assert/strict";
import { ConfigurationError } from "../../../../protocol/errors.ts";
import {
  connectionOptions,
  type ConnectionSources,
} from "../../../../server/catalog/postgres/connection/connection_options.ts";

interface Machine {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly mode?: number;
}

function sources({ env = {}, files = {}, mode = 0o100600 }: Machine = {}): ConnectionSources {
  return {
    env: (name) => env[name],
    readTextFile(path) {
      const text = files[path];
      return text === undefined
        ? Promise.reject(new Deno.errors.NotFound("No such file or directory (os error 2)"))
        : Promise.resolve(text);
    },
    modeOf: () => Promise.resolve(mode),
  };
}

const address = async (url: string, machine?: Machine) => {
  const { password: _, ...rest } = await connectionOptions(url, sources(machine));
  return rest;
};

const DEFAULTS = { host: "db", port: 5432, user: "xfer", database: "xfer" };

for (
  const [url, expected] of [
    ["postgres://xfer@db/xfer", { ...DEFAULTS, tls: {} }],
    ["postgresql://xfer@db/xfer", { ...DEFAULTS, tls: {} }],
    ["postgres://xfer@db", { ...DEFAULTS, tls: {} }],
    ["postgres://a%40b@db:6432/c%2Fd", {
      ...{ host: "db", port: 6432, user: "a@b", database: "c/d", tls: {} },
    }],
    ["postgres://xfer@[2001:db8::1]:6432/xfer", {
      ...{ ...DEFAULTS, host: "2001:db8::1", port: 6432, tls: {} },
    }],
    ["postgres://xfer@db/xfer?sslmode=verify-full", { ...DEFAULTS, tls: {} }],
    ["postgres://xfer@db/xfer?sslmode=disable", DEFAULTS],
    ["postgres://xfer@/xfer?host=/run/postgresql", { ...DEFAULTS, host: "/run/postgresql" }],
    ["postgres://xfer@%2Frun%2Fpostgresql/xfer", { ...DEFAULTS, host: "/run/postgresql" }],
    ["postgres:///xfer?host=db&user=xfer&port=1&dbname=other", {
      ...{ ...DEFAULTS, port: 1, database: "other", tls: {} },
    }],
  ] as const
) {
  Deno.test(`database url: ${url}`, async () => {
    assert.deepEqual(await address(url), expected);
  });
}

Deno.test("database url: its parts come before the variables", async () => {
  const env = {
    ...{ PGHOST: "other", PGPORT: "7", PGUSER: "someone", PGDATABASE: "some" },
    PGSSLMODE: "disable",
  };
  assert.deepEqual(await address("postgres:///", { env }), {
    ...{ host: "other", port: 7, user: "someone", database: "some" },
  });
  assert.deepEqual(await address("postgres://xfer@db:5432/xfer?sslmode=verify-full", { env }), {
    ...{ ...DEFAULTS, tls: {} },
  });
});

for (
  const [url, reason] of [
    ["mysql://xfer@db/xfer", "it is not a URL"],
    ["postgres://xfer@/xfer", "it has no host"],
    ["postgres://db/xfer", "it has no user"],
    ["postgres://xfer@db:0/xfer", "its port is not a number from 1 to 65535"],
    ["postgres://xfer@db:123456/xfer", "its host is invalid"],
    ["postgres://xfer@%ZZ/xfer", "it has an invalid % sequence"],
    ["postgres://xfer@db/xfer?ssl=true", "the parameter ssl is unknown"],
    ["postgres://xfer@db/xfer?sslmode=require", "sslmode require does not verify the server"],
    ["postgres://xfer@db/xfer?sslmode=prefer", "sslmode prefer does not verify the server"],
  ] as const
) {
  Deno.test(`database url: refused, because ${reason}: ${url}`, async () => {
    await assert.rejects(
      address(url),
      (error) =>
        error instanceof ConfigurationError && error.code === "catalog-url-invalid" &&
        error.message === `the URL of the catalog's database is invalid: ${reason}` &&
        error.hint !== undefined,
    );
  });
}

for (
  const url of ["postgres://xfer:hunter2@db/xfer", "postgres://xfer@db/xfer?password=hunter2"]
) {
  Deno.test(`database url: a password is refused and not repeated: ${url}`, async () => {
    await assert.rejects(address(url), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack}`, /hunter2/);
      assert.match(error.hint ?? "", /PGPASSFILE/);
      return true;
    });
  });
}

Deno.test("database url: the operator's own authority is read from a file", async () => {
  const files = { "/ca.pem": "PEM" };
  const env = { PGSSLROOTCERT: "/ca.pem" };
  const expected = { ...DEFAULTS, tls: { caCerts: ["PEM"] } };
  assert.deepEqual(await address("postgres://xfer@db/xfer", { files, env }), expected);
  const url = "postgres://xfer@db/xfer?sslrootcert=/ca.pem";
  assert.deepEqual(await address(url, { files }), expected);
  assert.deepEqual(await address("postgres://xfer@db/xfer?sslrootcert=system"), {
    ...{ ...DEFAULTS, tls: {} },
  });
  await assert.rejects(address(url), { code: "database-files-unusable" });
});

const password = async (url: string, machine: Machine) =>
  await (await connectionOptions(url, sources(machine))).password();

Deno.test("database password: from PGPASSWORD, else from the password file", async () => {
  const files = { "/pass": "db:*:xfer:xfer:from file" };
  const env = { PGPASSFILE: "/pass" };
  const url = "postgres://xfer@db/xfer";
  assert.equal(await password(url, {}), undefined);
  assert.equal(await password(url, { files, env }), "from file");
  assert.equal(
    await password(url, { files, env: { ...env, PGPASSWORD: "from env" } }),
    "from env",
  );
  assert.equal(await password("postgres://xfer@db/other", { files, env }), undefined);
});

Deno.test("database password: a file that others can read is refused", async () => {
  const env = { PGPASSFILE: "/pass" };
  const url = "postgres://xfer@db/xfer";
  const refusal = { code: "database-files-unusable" };
  await assert.rejects(password(url, { env }), refusal);
  for (const mode of [0o100640, 0o100604]) {
    await assert.rejects(password(url, { env, files: { "/pass": "*:*:*:*:x" }, mode }), refusal);
  }
});
