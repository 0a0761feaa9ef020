/**
 * Copies of a catalog, as rows for another database or as a new one.
 *
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import {
  COPIED_AT_ONCE,
  COPIED_COLUMNS,
  COPIED_TABLES,
  type CopiedTable,
  type Dumping,
  type TablePage,
} from "../table_copy.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { BlobId, BlobToCopy } from "../../blobs/blob_store.ts";
import { INLINE_PREFIX } from "../inline_ids.ts";
import type { Row } from "../rows.ts";
import type { Database } from "./database.ts";
import { page } from "./operations/page.ts";
import { countUsage } from "./operations/usage.ts";
import { FILES } from "./columns.ts";

const MOVED_AT_ONCE = 1000;
/** The columns of a file that are in the table `contents`. */
const CONTENTS: readonly string[] = ["chunks", "content"];

/** Calls `each` with all rows, page by page. Nothing else may use the database object meanwhile. */
export async function dumpDatabase(
  database: Database,
  each: (page: TablePage) => Promise<void>,
): Promise<void> {
  await database.reading(async () => {
    for (const table of COPIED_TABLES) {
      for (let after = 0;;) {
        const rows = page(Infinity, (last, count) => {
          after = (last?.["row_number"] ?? after) as number;
          return database.all(selectOf(table), after, count);
        }, COPIED_AT_ONCE);
        if (rows.length === 0) break;
        after = rows.at(-1)?.["row_number"] as number;
        await each({ table, rows });
      }
    }
  });
}

function selectOf(table: CopiedTable): string {
  const [number, from] = table === "files" ? ["files.id", FILES] : [`${table}.rowid`, table];
  return `SELECT ${number} AS row_number, ${COPIED_COLUMNS[table].join(", ")} FROM ${from}
    WHERE ${number} > ? ORDER BY ${number} LIMIT ?`;
}

/** Fills an empty database with the rows of another catalog. */
export async function fillDatabase(database: Database, from: Dumping): Promise<void> {
  // The whole copy is synced in the end.
  database.withoutSync();
  const restart = () => {
    const tables = [...COPIED_TABLES].reverse();
    database.transaction(() => tables.forEach((table) => database.run(`DELETE FROM ${table}`)));
    return Promise.resolve();
  };
  await from.dump(({ table, rows }) => {
    database.transaction(() => rows.forEach((row) => insert(database, table, row)));
    return Promise.resolve();
  }, restart);
  database.transaction(() => countUsage(database));
}

function insert(database: Database, table: CopiedTable, row: Row): void {
  const columns = COPIED_COLUMNS[table].filter((column) => !CONTENTS.includes(column));
  const id = insertRow(database, table, columns, row);
  if (table !== "files" || CONTENTS.every((column) => row[column] === null)) return;
  insertRow(database, "contents", ["file", ...CONTENTS], { ...row, file: id });
}

/** Returns the number of the new row. */
function insertRow(
  database: Database,
  table: string,
  columns: readonly string[],
  row: Row,
): number {
  const places = columns.map(() => "?").join(", ");
  const inserted = database.get(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places}) RETURNING rowid AS row_number`,
    ...columns.map((column) => toSqlite(row[column])),
  );
  return inserted?.["row_number"] as number;
}

/** SQLite has no booleans. */
function toSqlite(value: unknown): SQLInputValue {
  return typeof value === "boolean" ? Number(value) : value as SQLInputValue;
}

/** Gives all blobs of a copy other ids. */
export function moveBlobs(database: Database, idOf: (blob: BlobToCopy) => BlobId): void {
  const query = `SELECT id, client_id, path FROM files
    WHERE id > ? AND substr(path, 1, ${INLINE_PREFIX.length}) <> '${INLINE_PREFIX}'
    ORDER BY id LIMIT ${MOVED_AT_ONCE}`;
  for (let after = 0;;) {
    const rows = database.all(query, after);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last["id"] as number;
    database.transaction(() => {
      for (const row of rows) {
        const id = row["path"] as BlobId;
        const moved = idOf({ id, accountId: row["client_id"] as Bytes });
        if (moved === id) continue;
        database.run("UPDATE files SET path = ? WHERE id = ?", moved, row["id"] as number);
      }
    });
  }
}
