/**
 * Catalogs that came from elsewhere: a backup may have been tampered with, and what is called a table in it may have no
 * end, or no bound.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { CHUNK_SIZE, DIGEST_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { MAX_INLINE } from "../catalog/bounds.ts";
import { COPIED } from "../catalog/sqlite/snapshot.ts";

/** Bytes of a value; names, the longest, have 4,096. */
const MAX_VALUE = 64 * 1024;
/** … and of values that are longer. */
const MAX_VALUES: Readonly<Record<string, string>> = {
  "files.content": `${MAX_INLINE}`,
  "files.chunks": `${DIGEST_SIZE} * (size / ${CHUNK_SIZE} + 1)`,
};

/**
 * Sees that a catalog of any version has plain tables, without views, virtual tables and computed columns, and no value
 * that is longer than this program makes them. Reads no such value. Throws an error that says what is wrong.
 */
export function refuseForeign(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const all = (sql: string, ...values: string[]) =>
      database.prepare(sql).all(...values) as Record<string, unknown>[];
    const isView = "type = 'view' OR upper(sql) LIKE 'CREATE VIRTUAL%'";
    if (all(`SELECT 1 FROM sqlite_schema WHERE ${isView} LIMIT 1`).length > 0) {
      throw new Error("its catalog has views, which no server has made");
    }
    for (const table of COPIED) {
      const columns = all("SELECT name, hidden FROM pragma_table_xinfo(?)", table);
      const tooLong = columns.map(({ name, hidden }) => {
        if (hidden !== 0) throw new Error("its catalog has columns that no server has made");
        const max = MAX_VALUES[`${table}.${name}`] ?? MAX_VALUE;
        return `octet_length("${`${name}`.replaceAll('"', '""')}") > ${max}`;
      });
      if (tooLong.length === 0) continue; // an older catalog has fewer tables
      if (all(`SELECT 1 FROM ${table} WHERE ${tooLong.join(" OR ")} LIMIT 1`).length > 0) {
        throw new Error(`its catalog has values in "${table}" that are longer than any server's`);
      }
    }
  } finally {
    database.close();
  }
}
