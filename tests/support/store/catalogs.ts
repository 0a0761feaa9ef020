import type { DatabaseSync } from "node:sqlite";
import { localCatalog } from "../../../server/catalog/sqlite/local_catalog.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { SqliteCatalog } from "../../../server/catalog/sqlite/sqlite_catalog.ts";

/** The server's catalog in this thread, for tests that start many servers or watch the database. */
export function openInThisThread(
  path: string,
  openDatabase?: (path: string) => DatabaseSync,
): Promise<Catalog> {
  return Promise.resolve(localCatalog(SqliteCatalog.open(path, openDatabase)));
}
