/**
 * A PostgreSQL database: transactions, repeated if others get in their way or the connection breaks.
 *
 * @module
 */
import { ConfigurationError, reasonOf, UnavailableError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { HookKind } from "../hook_queue.ts";
import type { Row } from "../rows.ts";
import type { PostgresOptions } from "./connection/connection_options.ts";
import { LeaseLost } from "../shared_catalog.ts";
import { LEASE_LOST } from "./cluster_tables.ts";
import { ConnectionFailure, failureKind, sqlStateOf } from "./connection/failures.ts";
import { type PooledConnection, PostgresPool } from "./connection/pool.ts";

/** The time for which a transaction waits for a database that is away, in milliseconds. */
export const PATIENCE_MS = 5000;
/** The time for which a transaction waits for a connection, in milliseconds. */
const CONNECT_MS = 5000;
/** The most attempts of a transaction that conflicts with others. */
const MAX_ATTEMPTS = 20;
/** The longest pauses before the second attempt, and before later ones, in milliseconds. */
const PAUSES_MS = { conflict: { first: 4, most: 200 }, away: { first: 50, most: 500 } };
/** The time after which the server cancels a statement, in milliseconds. */
const STATEMENT_MS = 30_000;
/** The same for a whole folder or account, in milliseconds: it can have a million files. */
export const FOLDER_MS = 10 * 60_000;
/** The time after which a statement without an answer breaks its connection. Longer, since the server answers first. */
const ANSWER_MS = STATEMENT_MS + 5000;
/** The time after which the server ends a transaction whose next statement does not come, in milliseconds. */
const IDLE_MS = 10_000;
/**
 * Settings that make transactions follow the indexes. The statistics of a table that grows fast are old: by them, an
 * account has few files, and reading and sorting all of them for one page would be cheap.
 */
const BY_INDEX = "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off";

/** Statements of one connection. */
export interface Queries {
  /** The rows that a statement finds or returns. */
  all(sql: string, ...values: readonly unknown[]): Promise<Row[]>;
  /** The first row, if there is one. */
  get(sql: string, ...values: readonly unknown[]): Promise<Row | undefined>;
  /** Runs a statement and returns the number of rows that it has changed. */
  run(sql: string, ...values: readonly unknown[]): Promise<number>;
}

/**
 * Statements of a transaction. It can run several times: its work must have no effect outside of the database. Statements
 * can be sent together, with `Promise.all`, which saves waiting.
 */
export interface Transaction extends Queries {
  /** The kinds of events that changes queue. */
  readonly hooks: ReadonlySet<HookKind>;
  /**
   * A part of the transaction that can fail by itself. Parts cannot run at the same time. A failure for which
   * `canFailAlone` is false ends the transaction.
   */
  part<T>(work: () => Promise<T>): Promise<T>;
}

/** Settings of a database, for tests and migrations. */
export interface DatabaseSettings {
  /** {@link PATIENCE_MS} by default. */
  readonly patienceMs?: number;
}

/** Whether the rest of a transaction can continue after the failure of a part. */
export function canFailAlone(error: unknown): boolean {
  return failureKind(error) === "other";
}

/**
 * A database. Its methods throw `UnavailableError` if it does not answer; `ConfigurationError` `database-refused` if it
 * refuses the first connection, or a statement.
 */
export class PostgresDatabase implements AsyncDisposable {
  readonly #pool: PostgresPool;
  readonly #name: string;
  readonly #patienceMs: number;
  /** The lease that each transaction checks. */
  #epoch: number | undefined;
  #hooks: ReadonlySet<HookKind> = new Set();
  /** Whether the database has accepted this server before. */
  #hasConnected = false;

  /** Connects only when needed. */
  constructor(options: PostgresOptions, { patienceMs = PATIENCE_MS }: DatabaseSettings = {}) {
    const { host, port, database } = options;
    this.#name = printable(`${database} at ${host.startsWith("/") ? host : `${host}:${port}`}`);
    this.#patienceMs = patienceMs;
    this.#pool = new PostgresPool(options, CONNECT_MS);
  }

  /** The number of transactions that wait for a connection. */
  get waiting(): number {
    return this.#pool.waiting;
  }

  /** The server whose lease transactions check; `undefined` if it has not joined. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  /** From now on, each transaction checks that the server of an epoch was not removed; if it was, throws `LeaseLost`. */
  checkLease(epoch: number): void {
    this.#epoch = epoch;
  }

  /** From now on, changes queue events of these kinds. */
  watchHooks(kinds: readonly HookKind[]): void {
    this.#hooks = new Set(kinds);
  }

  /** Runs statements that only read. Each sees the state of its own moment. */
  read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#persist((connection) => work(queriesOver(connection, ANSWER_MS)));
  }

  /**
   * Runs a transaction (READ COMMITTED): all of its changes are made, or none. When the promise resolves, they are on disk.
   * If the connection breaks before the commit is answered, throws `UnavailableError`: the changes may have been made.
   */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    statementMs: number = STATEMENT_MS,
  ): Promise<T> {
    return this.#run(work, statementMs, (error) => {
      throw this.#unavailable("did not answer a commit, which it may have made", error);
    }, this.#epoch);
  }

  /** Like `transaction`, for changes with the same effect if they are made again: also repeats an unanswered commit. */
  repeatable<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#run(work, STATEMENT_MS, repeat, this.#epoch);
  }

  /** Like `repeatable`, without a check of the lease: for a server that joins. */
  unchecked<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#run(work, STATEMENT_MS, repeat, undefined);
  }

  /** `onUnanswered`: throws for a commit without an answer. */
  #run<T>(
    work: (transaction: Transaction) => Promise<T>,
    statementMs: number,
    onUnanswered: (error: unknown) => never,
    epoch: number | undefined,
  ): Promise<T> {
    const answerMs = ANSWER_MS - STATEMENT_MS + statementMs;
    const lease = epoch === undefined ? "" : `; SELECT hold_lease(${epoch})`;
    const begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${BY_INDEX};
      SET LOCAL statement_timeout = ${statementMs};
      SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}${lease}`;
    return this.#persist(async (connection) => {
      // Not awaited: it is sent together with the first statement.
      const begun = connection.query(begin, [], answerMs).catch(explainLease);
      begun.catch(() => undefined);
      let result: T;
      try {
        result = await work(transactionOver(connection, answerMs, this.#hooks));
        await begun;
      } catch (error) {
        // Also a transaction whose beginning has failed must end, or the connection would be of no use to the next one.
        const failure = await begun.then(() => error, (reason: unknown) => reason);
        await connection.query("ROLLBACK", [], answerMs);
        throw failure;
      }
      await commit(connection, answerMs, onUnanswered);
      return result;
    });
  }

  /** Reads the state of one moment. `statementMs`: the most time of a statement. `work` can run several times. */
  snapshot<T>(work: (queries: Queries) => Promise<T>, statementMs: number): Promise<T> {
    const answerMs = ANSWER_MS - STATEMENT_MS + statementMs;
    const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${BY_INDEX};
      SET LOCAL statement_timeout = ${statementMs};
      SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}`;
    return this.#persist(async (connection) => {
      await connection.query(begin, [], answerMs);
      try {
        return await work(queriesOver(connection, answerMs));
      } finally {
        await connection.query("ROLLBACK", [], answerMs);
      }
    });
  }

  /** Repeats work that failed because of others or of the connection. */
  async #persist<T>(work: (connection: PooledConnection) => Promise<T>): Promise<T> {
    const end = performance.now() + this.#patienceMs;
    for (let attempts = 1;; attempts++) {
      try {
        return await this.#attempt(work);
      } catch (error) {
        const kind = failureKind(error);
        if (kind === "other") throw error;
        if (kind === "refused") throw this.#refused(error);
        if (kind === "overloaded") throw this.#unavailable("cannot keep up", error);
        const isLast = kind === "away" ? performance.now() >= end : attempts >= MAX_ATTEMPTS;
        if (isLast) throw this.#unavailable("does not answer", error);
        const { first, most } = PAUSES_MS[kind];
        const pause = Math.random() * Math.min(most, first * 2 ** attempts);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  async #connect(): Promise<PooledConnection> {
    try {
      const connection = await this.#pool.connect();
      this.#hasConnected = true;
      return connection;
    } catch (error) {
      const isRefused = error instanceof ConfigurationError || failureKind(error) === "refused";
      // An operator is about to change the password, for example. Clients can only try again.
      if (isRefused && this.#hasConnected) throw this.#unavailable("refuses this server", error);
      throw error;
    }
  }

  async #attempt<T>(work: (connection: PooledConnection) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    try {
      const result = await work(connection);
      connection.release(false);
      return result;
    } catch (error) {
      // Also after a refusal of the catalog, whose transaction was rolled back, the connection is good.
      connection.release(error instanceof UnavailableError || failureKind(error) === "away");
      throw error;
    }
  }

  #unavailable(what: string, cause: unknown): UnavailableError {
    return new UnavailableError(
      "unavailable",
      `the database ${this.#name} ${what}: ${reasonOf(cause)}`,
      { hint: "Try again later.", cause },
    );
  }

  #refused(cause: unknown): ConfigurationError {
    return new ConfigurationError(
      "database-refused",
      `cannot use the database ${this.#name}: ${reasonOf(cause)}`,
      { hint: "Check the URL of --catalog, the password, and the database's certificate.", cause },
    );
  }

  /** Waits for running transactions and closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }
}

async function commit(
  connection: PooledConnection,
  answerMs: number,
  onUnanswered: (error: unknown) => never,
): Promise<void> {
  let command: string;
  try {
    ({ command } = await connection.query("COMMIT", [], answerMs));
  } catch (error) {
    const kind = failureKind(error);
    const isUnsent = error instanceof ConnectionFailure && error.isUnsent;
    if (isUnsent || kind === "conflict" || kind === "other") throw error;
    onUnanswered(error);
  }
  if (command === "COMMIT") return;
  throw new Error("cannot commit: a statement of the transaction has failed");
}

/** A commit without an answer is made again. */
function repeat(error: unknown): never {
  throw error;
}

/** Throws `LeaseLost` in place of the error of `hold_lease`. */
function explainLease(error: unknown): never {
  throw sqlStateOf(error) === LEASE_LOST ? new LeaseLost() : error;
}

function queriesOver(connection: PooledConnection, answerMs: number): Queries {
  const query = (sql: string, values: readonly unknown[]) =>
    connection.query(sql, values, answerMs);
  return {
    all: async (sql, ...values) => (await query(sql, values)).rows,
    get: async (sql, ...values) => (await query(sql, values)).rows[0],
    run: async (sql, ...values) => (await query(sql, values)).count,
  };
}

function transactionOver(
  connection: PooledConnection,
  answerMs: number,
  hooks: ReadonlySet<HookKind>,
): Transaction {
  const queries = queriesOver(connection, answerMs);
  return {
    ...queries,
    hooks,
    async part(work) {
      const begun = queries.run("SAVEPOINT part");
      begun.catch(() => undefined);
      let result;
      try {
        result = await work();
        await begun;
      } catch (error) {
        await begun;
        await queries.run("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part");
        throw error;
      }
      await queries.run("RELEASE SAVEPOINT part");
      return result;
    },
  };
}
