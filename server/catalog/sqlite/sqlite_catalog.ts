/**
 * The catalog in SQLite.
 *
 * @module
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Catalog, SelfChecking } from "../catalog.ts";
import { Database } from "./database.ts";
import { aggregatesOver, type Method, operationOf } from "./operations/mod.ts";
import { page } from "./operations/page.ts";
import type { Row } from "./rows.ts";

/** Bytes of rows that are held in memory at once when all are copied: each may have a small file in it. */
const COPIED_AT_ONCE = 1024 * 1024;

/** What a copy has: all but what is under way. */
export const COPIED = ["clients", "keys", "files", "tokens"] as const;

/** The methods do all their work before they return. */
export interface SqliteCatalog extends Catalog, SelfChecking {
  /** Calls a method, whose work is done when it returns. Throws what the method rejects with. */
  call(method: Method, args: readonly unknown[]): unknown;
  /** Makes one transaction of what is called meanwhile. Throws where that can't be committed: nothing is done then. */
  together<T>(work: () => T): T;
  /** Takes over all that another catalog keeps, as it is at one moment. This one is empty before. */
  copyFrom(other: SqliteCatalog): void;
  /** Rows of a table, in pages. */
  rows(table: typeof COPIED[number]): Iterable<Record<string, unknown>>;
  snapshot<T>(work: () => T): T;
  /** Makes one file of it, which can be read where nothing can be written. It is closed next. */
  toSingleFile(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export const SqliteCatalog = {
  /** Opens or creates the catalog at `path`. Throws `ConfigurationError` `catalog-too-new`. */
  open(path: string, openDatabase?: (path: string) => DatabaseSync): SqliteCatalog {
    return over(Database.open(path, openDatabase));
  },

  /**
   * Opens a catalog that is there, for reading alone. Throws `ConfigurationError` `catalog-too-new` or
   * `catalog-too-old`.
   */
  openToRead(path: string): SqliteCatalog {
    return over(Database.openToRead(path));
  },
};

function over(database: Database): SqliteCatalog {
  const call = (method: Method, args: readonly unknown[]) =>
    operationOf(method).run(database, ...args);
  return {
    // deno-lint-ignore require-await
    ...aggregatesOver(async (method, args) => call(method, args)),
    // deno-lint-ignore require-await
    faults: async () => faultsOf(database),
    call,
    together: (work) => database.transaction(work),
    snapshot: (work) => database.snapshot(work),
    toSingleFile: () => database.toSingleFile(),
    rows: (table) => pages(database, table),
    copyFrom(other) {
      other.snapshot(() =>
        database.transaction(() => {
          for (const table of COPIED) {
            const columns = columnsOf(database, table);
            for (const row of other.rows(table)) insert(database, table, columns, row);
          }
        })
      );
    },
    // deno-lint-ignore require-await
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
    },
  };
}

function faultsOf(database: Database): string[] {
  const integrity = database.all("PRAGMA integrity_check")
    .map((row) => row["integrity_check"] as string).filter((word) => word !== "ok");
  const references = database.all("PRAGMA foreign_key_check")
    .map((row) => `row ${row["rowid"]} of ${row["table"]} has no ${row["parent"]}`);
  return [...integrity, ...references];
}

function* pages(database: Database, table: string): Generator<Record<string, unknown>> {
  const query =
    `SELECT rowid AS row_number, * FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ?`;
  for (let after = 0;;) {
    const next = (last: Row | undefined, step: number) =>
      database.all(query, (last?.["row_number"] ?? after) as number, step);
    const rows = page(Infinity, next, COPIED_AT_ONCE);
    for (const { row_number: number, ...row } of rows) {
      after = number as number;
      yield row;
    }
    if (rows.length === 0) return;
  }
}

/** As this program has made them: those of another catalog may be called anything. */
function columnsOf(database: Database, table: string): string[] {
  return database.all("SELECT name FROM pragma_table_info(?)", table)
    .map(({ name }) => name as string);
}

function insert(
  database: Database,
  table: string,
  columns: readonly string[],
  row: Record<string, unknown>,
): void {
  const places = columns.map(() => "?").join(", ");
  database.run(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`,
    ...columns.map((column) => (row[column] ?? null) as SQLInputValue),
  );
}
