import type { DatabaseSync } from "node:sqlite";
import { batchedCatalog, commitTogether, lookUp } from "../../../server/catalog/sqlite/batching.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { SqliteCatalog } from "../../../server/catalog/sqlite/sqlite_catalog.ts";

/** The server's catalog, but in this thread: for tests that start many servers, or watch the database. */
export function openInThisThread(
  path: string,
  openDatabase?: (path: string) => DatabaseSync,
): Promise<Catalog> {
  const catalog = SqliteCatalog.open(path, openDatabase);
  return Promise.resolve(batchedCatalog({
    read: (calls) => lookUp(catalog, calls),
    write: (calls) => commitTogether(catalog, calls),
    close: () => catalog[Symbol.asyncDispose](),
  }));
}
