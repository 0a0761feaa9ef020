/**
 * Copies a catalog completely, as of one moment.
 *
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import type { Database } from "./database.ts";
import { page } from "./operations/page.ts";
import { countUsage } from "./operations/usage.ts";
import type { Row } from "../rows.ts";

/** The most bytes of rows in memory at a time. Each row can contain a small file. */
const COPIED_AT_ONCE = 1024 * 1024;

/** The tables of a copy: all except work in progress. */
export const COPIED = ["clients", "keys", "files", "contents", "tokens"] as const;

/** Copies the content of a database into an empty one. */
export function copyDatabase(from: Database, to: Database): void {
  from.snapshot(() =>
    to.transaction(() => {
      for (const table of COPIED) {
        const columns = columnsOf(to, table);
        for (const row of rowsOf(from, table)) insert(to, table, columns, row);
      }
      countUsage(to);
    })
  );
}

function* rowsOf(database: Database, table: string): Generator<Record<string, unknown>> {
  const query =
    `SELECT rowid AS row_number, * FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ?`;
  for (let after = 0;;) {
    const next = (last: Row | undefined, step: number) =>
      database.all(query, (last?.["row_number"] ?? after) as number, step);
    const rows = page(Infinity, next, COPIED_AT_ONCE);
    for (const { row_number: number, ...row } of rows) {
      after = number as number;
      yield row;
    }
    if (rows.length === 0) return;
  }
}

/** The columns from this program's schema. Those of a forged catalog could have any name. */
function columnsOf(database: Database, table: string): string[] {
  return database.all("SELECT name FROM pragma_table_info(?)", table)
    .map(({ name }) => name as string);
}

function insert(
  database: Database,
  table: string,
  columns: readonly string[],
  row: Record<string, unknown>,
): void {
  const places = columns.map(() => "?").join(", ");
  database.run(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`,
    ...columns.map((column) => (row[column] ?? null) as SQLInputValue),
  );
}
