import type { DatabaseSync } from "node:sqlite";
import { localCatalog } from "../../../server/catalog/sqlite/local_catalog.ts";
import { openPostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { SqliteCatalog } from "../../../server/catalog/sqlite/sqlite_catalog.ts";
import { createDatabase } from "./postgres.ts";

/**
 * The server's catalog in this thread, for tests that start many servers or watch the database. Arguments and results
 * are copied as they are between threads, so that what cannot be copied fails here, too.
 */
export function openInThisThread(
  path: string,
  openDatabase?: (path: string) => DatabaseSync,
): Promise<Catalog> {
  const catalog = SqliteCatalog.open(path, openDatabase);
  const call: SqliteCatalog["call"] = (method, args) =>
    structuredClone(catalog.call(method, structuredClone(args)));
  return Promise.resolve(localCatalog({ ...catalog, call }));
}

/** A catalog in a PostgreSQL database of its own, which is dropped with it. */
export async function openInPostgres(): Promise<Catalog> {
  const database = await createDatabase();
  const catalog = await openPostgresCatalog(database.options);
  return {
    ...catalog,
    async [Symbol.asyncDispose]() {
      await catalog[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
