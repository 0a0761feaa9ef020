/** Tests of a catalog that servers share, with each implementation. */
import { openPostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";
import type { SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import { createDatabase } from "./postgres.ts";
import { SharedMemory } from "./shared_memory_catalog.ts";

/** A catalog. Each call of `connect` is another server. */
interface Shared extends AsyncDisposable {
  connect(): Promise<SharedCatalog>;
}

const IMPLEMENTATIONS: Readonly<Record<string, () => Promise<Shared>>> = {
  "in memory": () => {
    const memory = new SharedMemory();
    return Promise.resolve({
      connect: () => Promise.resolve(memory.connect()),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
  "PostgreSQL": async () => {
    const database = await createDatabase();
    return {
      connect: () => openPostgresCatalog(database.options),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
};

/** A test with the connections of two servers, which have not joined. */
export function sharedCatalogTest(
  what: string,
  body: (first: SharedCatalog, second: SharedCatalog) => Promise<void>,
): void {
  for (const [implementation, open] of Object.entries(IMPLEMENTATIONS)) {
    Deno.test(`shared catalog ${implementation}: ${what}`, async () => {
      await using shared = await open();
      await using first = await shared.connect();
      await using second = await shared.connect();
      await body(first, second);
    });
  }
}
