/**
 * The address of a database, its user and password, from a URL and the variables of PostgreSQL's own programs.
 *
 * @module
 */
import { ConfigurationError, reasonOf } from "../../../../protocol/errors.ts";
import { printable } from "../../../../protocol/printable.ts";
import type { PostgresAddress } from "./deno_socket.ts";
import { findPassword } from "./password_file.ts";

/** How to connect to a database. */
export interface PostgresOptions extends PostgresAddress {
  readonly user: string;
  readonly database: string;
  /** Called for each connection, so that a changed password file is read again. */
  readonly password: () => Promise<string | undefined>;
  /** The most connections of this process; {@link DEFAULT_CONNECTIONS} by default. */
  readonly connections?: number;
}

/** The environment and the files of this machine, for tests. */
export interface ConnectionSources {
  readonly env: (name: string) => string | undefined;
  readonly readTextFile: (path: string) => Promise<string>;
  /** The permission bits of a file, if the system has them. */
  readonly modeOf: (path: string) => Promise<number | null>;
}

const SYSTEM_SOURCES: ConnectionSources = {
  env: (name) => Deno.env.get(name),
  readTextFile: (path) => Deno.readTextFile(path),
  modeOf: async (path) => (await Deno.stat(path)).mode,
};

/** The most connections of one server. PostgreSQL allows 100 by default, for all of its clients. */
export const DEFAULT_CONNECTIONS = 16;
const DEFAULT_PORT = 5432;

/** The parts of a URL: user, host with port, database, parameters. The host can be empty. */
const URL_FORM =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^@/?#]*)@)?(?<host>[^/?#]*)(?:\/(?<database>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const HOST_FORM = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[^:]*))(?::(?<port>\d{1,5}))?$/;

/** The parameters of a URL, and the variables that stand for them. */
const PARAMETERS = {
  host: "PGHOST",
  port: "PGPORT",
  user: "PGUSER",
  dbname: "PGDATABASE",
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  passfile: "PGPASSFILE",
} as const;
type Parameter = keyof typeof PARAMETERS;

const WRITE_URL = "Write postgres://USER@HOST/DATABASE.";

/** Permission bits that a password file must not have. */
const OTHERS = 0o077;

/**
 * Reads a URL like `postgres://xfer@db.example.org/xfer`. Parts that it does not have come from the variables. TLS with
 * verification of the host name is the default, except for Unix sockets. Throws `ConfigurationError`
 * `catalog-url-invalid`, `database-files-unusable`.
 */
export async function connectionOptions(
  url: string,
  sources: ConnectionSources = SYSTEM_SOURCES,
): Promise<PostgresOptions> {
  const given = parseUrl(url);
  const value = (name: Parameter) =>
    given.get(name) ?? (sources.env(PARAMETERS[name]) || undefined);
  const host = value("host");
  if (host === undefined) {
    throw invalid("it has no host");
  }
  const user = value("user");
  if (user === undefined) {
    throw invalid("it has no user", "Write postgres://USER@HOST/DATABASE, or set PGUSER.");
  }
  const port = Number(value("port") ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalid("its port is not a number from 1 to 65535");
  }
  const address = { host, port, user, database: value("dbname") ?? user };
  const ca = value("sslrootcert");
  return {
    ...address,
    ...isTls(host, value("sslmode")) ? { tls: await readAuthorities(ca, sources) } : {},
    password: passwordOf(address, value("passfile"), sources),
  };
}

function parseUrl(url: string): ReadonlyMap<Parameter, string> {
  const parts = URL_FORM.exec(url)?.groups;
  if (parts === undefined) {
    throw invalid("it is not a URL");
  }
  const given = new Map<Parameter, string>();
  const set = (name: Parameter, text: string | undefined) => {
    if (text !== undefined && text !== "") given.set(name, decode(text));
  };
  if (parts["user"]?.includes(":")) throw passwordInUrl();
  set("user", parts["user"]);
  set("dbname", parts["database"]);
  const host = HOST_FORM.exec(parts["host"] ?? "")?.groups;
  if (host === undefined) throw invalid("its host is invalid");
  set("host", host["v6"] ?? host["name"]);
  set("port", host["port"]);
  for (const [name, text] of new URLSearchParams(parts["query"] ?? "")) {
    if (name === "password" || name === "sslpassword") throw passwordInUrl();
    if (!(name in PARAMETERS)) {
      const known = Object.keys(PARAMETERS).join(", ");
      throw invalid(`the parameter ${printable(name)} is unknown`, `Use only ${known}.`);
    }
    given.set(name as Parameter, text);
  }
  return given;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("it has an invalid % sequence");
  }
}

/** Modes of libpq that would accept any server are refused. */
function isTls(host: string, mode: string | undefined): boolean {
  if (host.startsWith("/") || mode === "disable") return false;
  if (mode === undefined || mode === "verify-full") return true;
  throw invalid(
    `sslmode ${printable(mode)} does not verify the server`,
    "Use sslmode=verify-full, or sslmode=disable in a network that you trust.",
  );
}

async function readAuthorities(path: string | undefined, sources: ConnectionSources) {
  if (path === undefined || path === "system") return {};
  try {
    return { caCerts: [await sources.readTextFile(path)] };
  } catch (error) {
    throw new ConfigurationError(
      "database-files-unusable",
      `cannot read the database's CA certificates ${printable(path)}: ${reasonOf(error)}`,
      { hint: "Set sslrootcert or PGSSLROOTCERT to a PEM file.", cause: error },
    );
  }
}

/** Looks for a password: in the environment, then in a password file. */
function passwordOf(
  address: { host: string; port: number; user: string; database: string },
  file: string | undefined,
  sources: ConnectionSources,
): PostgresOptions["password"] {
  return async () => {
    const password = sources.env("PGPASSWORD");
    if (password !== undefined) return password;
    return file === undefined ? undefined : findPassword(await readPrivate(file, sources), address);
  };
}

async function readPrivate(path: string, sources: ConnectionSources): Promise<string> {
  let text: string;
  let mode: number | null;
  try {
    text = await sources.readTextFile(path);
    mode = await sources.modeOf(path);
  } catch (error) {
    throw new ConfigurationError(
      "database-files-unusable",
      `cannot read the password file ${printable(path)}: ${reasonOf(error)}`,
      { hint: "Set PGPASSFILE to a file that the server can read.", cause: error },
    );
  }
  if (mode === null || (mode & OTHERS) === 0) return text;
  throw new ConfigurationError(
    "database-files-unusable",
    `others can read the password file ${printable(path)}`,
    { hint: `Run 'chmod 600 ${printable(path)}'.` },
  );
}

function passwordInUrl(): ConfigurationError {
  return invalid(
    "it contains a password, which other users of this machine can see",
    "Set PGPASSWORD, or PGPASSFILE with a password file.",
  );
}

/** The URL itself is not in the message, because it can contain a secret. */
function invalid(reason: string, hint = WRITE_URL): ConfigurationError {
  return new ConfigurationError(
    "catalog-url-invalid",
    `the URL of the catalog's database is invalid: ${reason}`,
    { hint },
  );
}
