/** The rows of a catalog, to compare with those of its copy. */
import { toHex } from "../../../protocol/bytes.ts";
import { randomPartOf } from "../../../server/blobs/blob_store.ts";
import {
  COPIED_COLUMNS,
  COPIED_TABLES,
  type CopiedTable,
  type Dumping,
} from "../../../server/catalog/table_copy.ts";

/** All rows as text, without what differs between stores: how a truth is written, and where a blob is. */
export async function rowsOf(
  catalog: Dumping,
): Promise<Readonly<Record<CopiedTable, readonly string[]>>> {
  const found = Object.fromEntries(COPIED_TABLES.map((table) => [table, [] as string[]]));
  await catalog.dump(({ table, rows }) => {
    for (const row of rows) {
      found[table]?.push(
        COPIED_COLUMNS[table].map((column) => `${column}=${shown(row[column])}`).join(" "),
      );
    }
    return Promise.resolve();
  });
  // Only the order of files and tokens is the same everywhere.
  return {
    ...found as Record<CopiedTable, string[]>,
    ...{ clients: found["clients"]?.sort() ?? [], keys: found["keys"]?.sort() ?? [] },
  };
}

function shown(value: unknown): string {
  if (value instanceof Uint8Array) return toHex(new Uint8Array(value));
  if (typeof value === "boolean") return `${Number(value)}`;
  if (typeof value === "string") return randomPartOf(value) ?? JSON.stringify(value);
  return `${value}`;
}
