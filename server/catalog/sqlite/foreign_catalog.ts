/**
 * Checks of catalogs from elsewhere. A backup may have been forged, so that reading its tables would never end, or need
 * unbounded memory.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { CHUNK_SIZE, DIGEST_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { MAX_INLINE } from "../bounds.ts";
import { COPIED_TABLES } from "../table_copy.ts";

/** The most bytes of a value. Names, the longest, have 4,096. */
const MAX_VALUE = 64 * 1024;
/** The most bytes of longer values, as SQL. */
const MAX_CHUNKS = `${DIGEST_SIZE} * (size / ${CHUNK_SIZE} + 1)`;
const MAX_VALUES: Readonly<Record<string, string>> = {
  // Up to schema 7.
  "files.content": `${MAX_INLINE}`,
  "files.chunks": MAX_CHUNKS,
  "contents.content": `${MAX_INLINE}`,
  "contents.chunks": `coalesce((SELECT ${MAX_CHUNKS} FROM files WHERE id = file), 0)`,
};

/**
 * Checks that a catalog of any version has plain tables, without views, virtual tables and computed columns, and that
 * no value is longer than xfer allows. Does not read such values. Throws an error with the reason.
 */
export function refuseForeign(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const all = (sql: string, ...values: string[]) =>
      database.prepare(sql).all(...values) as Record<string, unknown>[];
    const isView = "type = 'view' OR upper(sql) LIKE 'CREATE VIRTUAL%'";
    if (all(`SELECT 1 FROM sqlite_schema WHERE ${isView} LIMIT 1`).length > 0) {
      throw new Error("its catalog has views, which xfer never creates");
    }
    for (const table of [...COPIED_TABLES, "contents"]) {
      const columns = all("SELECT name, hidden FROM pragma_table_xinfo(?)", table);
      const tooLong = columns.map(({ name, hidden }) => {
        if (hidden !== 0) {
          throw new Error("its catalog has computed columns, which xfer never creates");
        }
        const max = MAX_VALUES[`${table}.${name}`] ?? MAX_VALUE;
        return `octet_length("${`${name}`.replaceAll('"', '""')}") > ${max}`;
      });
      if (tooLong.length === 0) continue; // an older catalog has fewer tables
      if (all(`SELECT 1 FROM ${table} WHERE ${tooLong.join(" OR ")} LIMIT 1`).length > 0) {
        throw new Error(`its catalog has values in "${table}" that are longer than xfer allows`);
      }
    }
  } finally {
    database.close();
  }
}
