/**
 * Connections to the database, with a bound. They have no state of their own, so that a pooler like PgBouncer can give each
 * transaction another one: statements have no names, and settings and locks end with their transaction.
 *
 * @module
 */
import pg from "pg";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { ConfigurationError, XferError } from "../../../../protocol/errors.ts";
import { printable } from "../../../../protocol/printable.ts";
import type { Row } from "../../rows.ts";
import { DEFAULT_CONNECTIONS, type PostgresOptions } from "./connection_options.ts";
import { DenoSocket } from "./deno_socket.ts";
import { ConnectionFailure, sqlStateOf } from "./failures.ts";

/** The time for which a connection is kept without being used, in milliseconds. */
const IDLE_MS = 60_000;
/** The most transactions that wait for a connection. Those of one server are as many as its clients. */
const MAX_WAITING = 10_000;

/** The part of `pg` that is used here. */
interface PgResult {
  readonly command: string;
  readonly rows: Row[];
  readonly rowCount: number | null;
}
interface PgClient {
  query(query: {
    readonly text: string;
    readonly values: readonly unknown[];
    readonly query_timeout: number;
  }): Promise<PgResult | PgResult[]>;
  on(event: "error", listener: (error: unknown) => void): void;
  release(isBroken: boolean): void;
}
interface PgPool {
  readonly waitingCount: number;
  on(event: "connect", listener: (client: PgClient) => void): void;
  on(event: "error", listener: (error: unknown) => void): void;
  connect(): Promise<PgClient>;
  end(): Promise<void>;
}

/** The client of `pg` before it has signed in. */
interface Connectable {
  readonly connection: { readonly stream: DenoSocket };
  connect(done: (error: unknown) => void): void;
}

/** A client that closes its socket if it cannot sign in. That of `pg` leaves it to the server, for a minute. */
class PoolClient extends (pg.Client as new (config: unknown) => Connectable) {
  override connect(done: (error: unknown) => void): void {
    super.connect((error: unknown) => {
      if (error) this.connection.stream.destroy();
      done(error);
    });
  }
}

/** The result of a statement. */
export interface StatementResult {
  /** The command that was carried out: `ROLLBACK` for the commit of a failed transaction. */
  readonly command: string;
  readonly rows: Row[];
  /** The number of rows that were found or changed. */
  readonly count: number;
}

/** A connection while one transaction or a few statements use it. */
export interface PooledConnection {
  /**
   * Runs a statement; without values, it can be several. Statements can be sent before earlier ones are answered.
   * Throws the error of the server, or `ConnectionFailure`.
   */
  query(sql: string, values: readonly unknown[], timeoutMs: number): Promise<StatementResult>;
  /** Returns the connection; a broken one is closed. */
  release(isBroken: boolean): void;
}

/** The pool of connections to one database. */
export class PostgresPool {
  readonly #pool: PgPool;
  /** Those that are not closed yet. */
  readonly #sockets = new Set<DenoSocket>();

  /** `waitMs`: the most time to wait for a connection. */
  constructor(options: PostgresOptions, waitMs: number) {
    const { host, port, user, database, connections = DEFAULT_CONNECTIONS } = options;
    const password = async () => {
      const found = await options.password();
      if (found === undefined) throw noPassword(user);
      return found;
    };
    this.#pool = new pg.Pool({
      ...{ host, port, user, database, password, ssl: false, client_encoding: "UTF8" },
      ...{ application_name: "xfer", stream: () => this.#newSocket(options), pipeline: true },
      ...{ max: connections, connectionTimeoutMillis: waitMs, idleTimeoutMillis: IDLE_MS },
      ...{ Client: PoolClient, types: { getTypeParser } },
    }) as unknown as PgPool;
    // Each statement of a broken connection fails by itself. Its next user gets another one.
    this.#pool.on("connect", (client) => client.on("error", () => undefined));
    this.#pool.on("error", () => undefined);
  }

  /** The number of those that wait for a connection. */
  get waiting(): number {
    return this.#pool.waitingCount;
  }

  /** Takes a connection. Throws the error of the server, or `ConnectionFailure`. */
  async connect(): Promise<PooledConnection> {
    if (this.waiting >= MAX_WAITING) {
      throw new ConnectionFailure("too many transactions wait for a connection");
    }
    const client = await this.#pool.connect().catch(fail);
    return {
      async query(text, values, timeoutMs) {
        const done = await client.query({ text, values, query_timeout: timeoutMs }).catch(fail);
        const { command, rows, rowCount } = Array.isArray(done) ? done.at(-1) as PgResult : done;
        return { command, rows, count: rowCount ?? 0 };
      },
      release: (isBroken) => client.release(isBroken),
    };
  }

  #newSocket(options: PostgresOptions): DenoSocket {
    const socket = new DenoSocket(options);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  /** Waits for all transactions and closes the connections. */
  async close(): Promise<void> {
    await this.#pool.end();
    // The pool only begins to close them. A database that ends at the same time is no failure.
    const closed = (socket: DenoSocket) =>
      new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await Promise.all([...this.#sockets].map(closed));
  }
}

function fail(error: unknown): never {
  if (sqlStateOf(error) !== undefined || error instanceof XferError) throw error;
  // A value of a type that PostgreSQL cannot have is a mistake of ours.
  if (error instanceof TypeError) throw error;
  throw new ConnectionFailure(error);
}

function noPassword(user: string): ConfigurationError {
  return new ConfigurationError(
    "database-refused",
    `the database asks for a password of its user ${printable(user)}`,
    { hint: "Set PGPASSWORD, or PGPASSFILE with a password file." },
  );
}

/** The object ids of types whose values `pg` would not convert, or slowly: bytea, bigint, numeric. */
const PARSERS: ReadonlyMap<number, (text: string) => unknown> = new Map<
  number,
  (text: string) => unknown
>([
  [17, parseBytes],
  [20, Number],
  [1700, Number],
]);

function getTypeParser(oid: number, format: "text" | "binary"): (text: string) => unknown {
  return PARSERS.get(oid) ?? pg.types.getTypeParser(oid, format);
}

/** Bytes from `\x` and hexadecimal digits. */
function parseBytes(text: string): Bytes {
  if (fromHex !== undefined) return fromHex(text.slice(2));
  const bytes = new Uint8Array((text.length - 2) / 2);
  for (let at = 0, i = 2; at < bytes.length; at++, i += 2) {
    bytes[at] = digit(text.charCodeAt(i)) << 4 | digit(text.charCodeAt(i + 1));
  }
  return bytes;
}

/** Not every version of Deno has it. */
const fromHex = (Uint8Array as unknown as { fromHex?: (text: string) => Bytes }).fromHex
  ?.bind(Uint8Array);

/** The value of `0` to `9` and `a` to `f`. */
function digit(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}
