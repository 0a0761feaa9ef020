/**
 * The catalog in this thread: for commands that look into a data folder, and end.
 *
 * @module
 */
import { batchedCatalog, commitTogether, lookUp } from "./batching.ts";
import type { Catalog, SelfChecking, Snapshotting } from "../catalog.ts";
import type { SqliteCatalog } from "./sqlite_catalog.ts";

/** Does the calls of one moment together, in one transaction. */
export function localCatalog(catalog: SqliteCatalog): Catalog & SelfChecking & Snapshotting {
  const batched = batchedCatalog({
    read: (calls) => lookUp(catalog, calls),
    write: (calls) => commitTogether(catalog, calls),
    close: () => catalog[Symbol.asyncDispose](),
  });
  return { ...batched, faults: catalog.faults, snapshotTo: catalog.snapshotTo };
}
