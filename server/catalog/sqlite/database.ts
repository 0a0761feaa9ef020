/**
 * A SQLite database: write-ahead log, every commit synced, foreign keys on, brought up to date when it is opened.
 *
 * @module
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { MIGRATIONS } from "./migrations.ts";
import type { Row } from "./rows.ts";

/** How long a statement waits for another process (`xfer server list`) to finish, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

export class Database implements Disposable {
  readonly #database: DatabaseSync;
  /** Of the transaction that was begun here. */
  #state: "none" | "open" | "ended" = "none";
  readonly #statements = new Map<string, StatementSync>();

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
        PRAGMA foreign_keys = ON;
      `);
      database.#migrate(path);
    });
  }

  /**
   * Opens a database that is there, for reading alone. Throws `ConfigurationError` `catalog-too-new` or
   * `catalog-too-old`.
   */
  static openToRead(path: string): Database {
    return Database.#over(new DatabaseSync(path, { readOnly: true }), (database) => {
      database.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      if (database.#version(path) === MIGRATIONS.length) return;
      throw new ConfigurationError(
        "catalog-too-old",
        `${printable(path)} was written by an older xfer and not used by this one yet`,
        { hint: "Start the server once: it brings the catalog up to date." },
      );
    });
  }

  /**
   * Whether nothing was ever written to a database that is there: as a file without bytes, which is what is left of one
   * after many an accident. Throws `ConfigurationError` `catalog-too-new`.
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

  /** All or nothing of what `work` writes. One within another is a part of it, and may fail by itself. */
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

  /** A failure for want of space, or to read or write, may have ended the transaction by itself. */
  #isInTransaction(): boolean {
    try {
      // Within a transaction it is refused. Not every version of node:sqlite has `isTransaction`.
      this.#database.exec("BEGIN");
    } catch {
      return true;
    }
    this.#database.exec("ROLLBACK");
    if (this.#state === "open") this.#state = "ended";
    return false;
  }

  /** What would follow in a transaction that a failure has ended must not be committed by itself. */
  #refuseIfEnded(): void {
    if (this.#state !== "ended") return;
    throw new Error("Cannot go on with a transaction that a failure before has ended");
  }

  /** All that `work` reads is as it was at one moment. */
  snapshot<T>(work: () => T): T {
    this.#database.exec("BEGIN");
    try {
      return work();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  /**
   * Puts all into one file, which can be read where nothing can be written. Nobody else has the database open, and nothing
   * is written to it afterwards.
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
    if (this.#version(path) === MIGRATIONS.length) return;
    this.transaction(() => {
      for (const script of MIGRATIONS.slice(this.#version(path))) this.#database.exec(script);
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
      { hint: "Use the newer xfer that wrote it." },
    );
  }
}
