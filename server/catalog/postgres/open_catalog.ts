/**
 * Opens the catalog at the URL of a database.
 *
 * @module
 */
import { connectionOptions } from "./connection/connection_options.ts";
import { openPostgresCatalog, type PostgresCatalog } from "./postgres_catalog.ts";

/** Throws `ConfigurationError` `catalog-url-invalid`, `database-files-unusable`, and as `openPostgresCatalog` does. */
export async function openSharedCatalog(url: string): Promise<PostgresCatalog> {
  return await openPostgresCatalog(await connectionOptions(url));
}
