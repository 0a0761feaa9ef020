/**
 * The catalog in SQLite, in the same thread.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Catalog, CatalogSnapshot, SelfChecking, Snapshotting } from "../catalog.ts";
import { Database } from "./database.ts";
import { aggregatesOver, type Method, operationOf } from "./operations/mod.ts";
import { copyDatabase } from "./snapshot.ts";

/** All methods do their work before they return. */
export interface SqliteCatalog extends Catalog, SelfChecking, Snapshotting {
  /** Calls a method, which has done its work when it returns. Throws what the method rejects with. */
  call(method: Method, args: readonly unknown[]): unknown;
  /** Puts all calls in `work` into one transaction. Throws if it cannot be committed: then nothing has changed. */
  together<T>(work: () => T): T;
  [Symbol.asyncDispose](): Promise<void>;
}

export const SqliteCatalog = {
  /** Opens or creates the catalog at `path`. Throws `ConfigurationError` `catalog-too-new`. */
  open(path: string, openDatabase?: (path: string) => DatabaseSync): SqliteCatalog {
    return over(Database.open(path, openDatabase));
  },

  /** Opens an existing catalog for reading. Throws `ConfigurationError` `catalog-too-new` or `catalog-too-old`. */
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
    call,
    together: (work) => database.transaction(work),
    // deno-lint-ignore require-await
    faults: async () => faultsOf(database),
    // deno-lint-ignore require-await
    snapshotTo: async (path) => snapshotTo(database, path),
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

function snapshotTo(database: Database, path: string): CatalogSnapshot {
  const copy = Database.open(path);
  try {
    copyDatabase(database, copy);
    return { ...over(copy), finish: () => Promise.resolve(copy.toSingleFile()) };
  } catch (error) {
    copy[Symbol.dispose]();
    throw error;
  }
}
