/**
 * A SQLite database with a write-ahead log, synced commits and foreign keys. Opening it upgrades its schema.
 *
 * @module
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { HookKind } from "../hook_queue.ts";
import { MIGRATIONS } from "./migrations.ts";
import { NAME_KEYS_SINCE, normalizeNames } from "./normalize_names.ts";
import type { Row } from "../rows.ts";

/** The time for which a statement waits for another process (`xfer server list`), in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;
/**
 * The pages of 4 KiB in the log from which a commit copies them into the database, which it must sync too. With SQLite's
 * default, 1000, every third commit of packs does so. More would make one commit wait longer.
 */
const CHECKPOINT_PAGES = 4000;

export class Database implements Disposable {
  readonly #database: DatabaseSync;
  /** The state of this object's transaction. */
  #state: "none" | "open" | "ended" = "none";
  readonly #statements = new Map<string, StatementSync>();
  /** The kinds of events that changes queue. */
  hooks: ReadonlySet<HookKind> = new Set();

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Opens or creates the database at `path`. Throws `ConfigurationError` `catalog-too-new`. */
  static open(path: string, open = (path: string) => new DatabaseSync(path)): Database {
    return Database.#over(open(path), (database) => {
      database.#database.exec(`
        PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
        PRAGMA foreign_keys = ON;
      `);
      database.#migrate(path);
    });
  }

  /** Opens an existing database for reading. Throws `ConfigurationError` `catalog-too-new` or `catalog-too-old`. */
  static openToRead(path: string): Database {
    return Database.#over(new DatabaseSync(path, { readOnly: true }), (database) => {
      database.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      if (database.#version(path) === MIGRATIONS.length) return;
      throw new ConfigurationError(
        "catalog-too-old",
        `${printable(path)} was written by an older version of xfer`,
        { hint: "Start the server once with this version: it upgrades the catalog." },
      );
    });
  }

  /**
   * Whether an existing database was never written. An empty file can be the result of an accident. Throws
   * `ConfigurationError` `catalog-too-new`.
   */
  static isEmpty(path: string): boolean {
    using database = Database.#over(new DatabaseSync(path, { readOnly: true }), (opened) => {
      opened.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    });
    return database.#version(path) === 0;
  }

  static #over(opened: DatabaseSync, prepare: (database: Database) => void): Database {
    try {
      const database = new Database(opened);
      prepare(database);
      return database;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /**
   * Runs `work` in a transaction: all of its changes are made, or none. A nested transaction is a part of the outer one
   * and can fail by itself.
   */
  transaction<T>(work: () => T): T {
    if (this.#state !== "none") return this.#savepoint(work);
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      this.#state = "open";
      const result = work();
      this.#refuseIfEnded();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#isInTransaction()) this.#database.exec("ROLLBACK");
      throw error;
    } finally {
      this.#state = "none";
    }
  }

  #savepoint<T>(work: () => T): T {
    this.#refuseIfEnded();
    this.#database.exec("SAVEPOINT part");
    try {
      const result = work();
      this.#database.exec("RELEASE part");
      return result;
    } catch (error) {
      if (this.#isInTransaction()) this.#database.exec("ROLLBACK TO part; RELEASE part");
      throw error;
    }
  }

  /** Whether a transaction is open. An I/O error or a full disk may have ended it. */
  #isInTransaction(): boolean {
    try {
      // SQLite refuses BEGIN in a transaction. Not every version of node:sqlite has `isTransaction`.
      this.#database.exec("BEGIN");
    } catch {
      return true;
    }
    this.#database.exec("ROLLBACK");
    if (this.#state === "open") this.#state = "ended";
    return false;
  }

  /** Throws if a failure has ended the transaction. Its later statements must not be committed on their own. */
  #refuseIfEnded(): void {
    if (this.#state !== "ended") return;
    throw new Error("cannot continue a transaction that an earlier failure has ended");
  }

  /** Runs `work` on the state of one moment. */
  snapshot<T>(work: () => T): T {
    this.#database.exec("BEGIN");
    try {
      return work();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  /** From now on, commits are not synced. A crash can damage the database. */
  withoutSync(): void {
    this.#database.exec("PRAGMA synchronous = OFF");
  }

  /** The same for work that waits in between. Nothing else may use this object meanwhile. */
  async reading<T>(work: () => Promise<T>): Promise<T> {
    this.#database.exec("BEGIN");
    try {
      return await work();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  /**
   * Merges everything into one file, which can be read on read-only disks. No one else may have the database open, and
   * nothing may be written afterwards.
   */
  toSingleFile(): void {
    this.#database.exec("PRAGMA journal_mode = DELETE");
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#refuseIfEnded();
    try {
      this.#statement(sql).run(...values);
    } catch (error) {
      if (this.#state === "open") this.#isInTransaction();
      throw error;
    }
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** The first row, if there is one. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #migrate(path: string): void {
    const version = this.#version(path);
    if (version === MIGRATIONS.length) return;
    this.transaction(() => {
      for (const script of MIGRATIONS.slice(version)) this.#database.exec(script);
      if (version < NAME_KEYS_SINCE) normalizeNames(this);
      this.#database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    });
  }

  #version(path: string): number {
    const row = this.#database.prepare("PRAGMA user_version").get() as Row | undefined;
    const version = Number(row?.["user_version"]);
    if (version <= MIGRATIONS.length) return version;
    throw new ConfigurationError(
      "catalog-too-new",
      `${
        printable(path)
      } has schema version ${version}; this xfer knows up to ${MIGRATIONS.length}`,
      { hint: "Use the newer version of xfer that wrote it." },
    );
  }
}
