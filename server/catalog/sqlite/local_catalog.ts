/**
 * The catalog in the same thread, for commands that use a data folder for a short time.
 *
 * @module
 */
import { batchedCatalog, commitTogether, lookUp } from "./batching.ts";
import type { Catalog, SelfChecking } from "../catalog.ts";
import type { Dumping } from "../table_copy.ts";
import type { SqliteCatalog } from "./sqlite_catalog.ts";

/** Batches the calls of one moment into one transaction. */
export function localCatalog(
  catalog: SqliteCatalog,
): Catalog & SelfChecking & Dumping {
  const batched = batchedCatalog({
    read: (calls) => lookUp(catalog, calls),
    write: (calls) => commitTogether(catalog, calls),
    close: () => catalog[Symbol.asyncDispose](),
  });
  return { ...batched, faults: catalog.faults, dump: catalog.dump };
}
