/**
 * The catalog in SQLite, in the same thread.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { BlobId, BlobToCopy } from "../../blobs/blob_store.ts";
import type { Catalog, SelfChecking } from "../catalog.ts";
import type { Dumping } from "../table_copy.ts";
import { Database } from "./database.ts";
import { aggregatesOver, type Method, operationOf } from "./operations/mod.ts";
import { dumpDatabase, fillDatabase, moveBlobs } from "./dump.ts";

/** All methods do their work before they return. */
export interface SqliteCatalog extends Catalog, SelfChecking, Dumping {
  /** Calls a method, which has done its work when it returns. Throws what the method rejects with. */
  call(method: Method, args: readonly unknown[]): unknown;
  /** Puts all calls in `work` into one transaction. Throws if it cannot be committed: then nothing has changed. */
  together<T>(work: () => T): T;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A copy of a catalog that is being written. */
export interface CatalogCopy extends Catalog, Dumping {
  /** Gives all blobs the ids that their copies have in another store. */
  moveBlobs(idOf: (blob: BlobToCopy) => BlobId): Promise<void>;
  /** Merges the copy into a single file, which can be read on read-only disks. The copy must be closed next. */
  finish(): Promise<void>;
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

  /** Copies a catalog, except work in progress, into one at `path`, which must be missing or an empty file. */
  async copy(from: Dumping, path: string): Promise<CatalogCopy> {
    const copy = Database.open(path);
    try {
      await fillDatabase(copy, from);
      return {
        ...over(copy),
        // deno-lint-ignore require-await
        moveBlobs: async (idOf) => moveBlobs(copy, idOf),
        finish: () => Promise.resolve(copy.toSingleFile()),
      };
    } catch (error) {
      copy[Symbol.dispose]();
      throw error;
    }
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
    dump: (each) => dumpDatabase(database, each),
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
