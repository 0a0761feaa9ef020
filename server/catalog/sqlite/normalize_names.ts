/**
 * Brings names of older catalogs into the form in which they are compared. SQLite itself cannot.
 *
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import { nameKey } from "../name_key.ts";
import type { Row } from "../rows.ts";

/** The schema version from which on names are stored as keys. */
export const NAME_KEYS_SINCE = 8;

/** The number of rows in one look-up. */
const PAGE = 1000;

/** The parts of a database that are needed. */
export interface NameDatabase {
  run(sql: string, ...values: SQLInputValue[]): void;
  all(sql: string, ...values: SQLInputValue[]): Row[];
}

/**
 * Gives each name its key. Where two names of an account differ only in form, the second keeps its files under a new name,
 * the key with ` (2)`, ` (3)` and so on at its end: nothing is lost.
 */
export function normalizeNames(database: NameDatabase): void {
  const query = "SELECT id, client_id, name FROM files WHERE id > ? ORDER BY id LIMIT ?";
  for (let last = 0;;) {
    const rows = database.all(query, last, PAGE);
    for (const row of rows) {
      last = row["id"] as number;
      const name = row["name"] as string;
      if (name !== nameKey(name)) normalize(database, row["client_id"] as Uint8Array, name);
    }
    if (rows.length < PAGE) return;
  }
}

/** Renames all versions of a name. A later row of one that was renamed already finds nothing. */
function normalize(database: NameDatabase, owner: Uint8Array, name: string): void {
  const isTaken = (key: string) =>
    database.all("SELECT 1 FROM files WHERE client_id = ? AND name = ? LIMIT 1", owner, key)
      .length > 0;
  if (!isTaken(name)) return;
  const key = nameKey(name);
  const query = "UPDATE files SET name = ?, given = ? WHERE client_id = ? AND name = ?";
  if (!isTaken(key)) return database.run(query, key, name, owner, name);
  let number = 2;
  while (isTaken(`${key} (${number})`)) number++;
  database.run(query, `${key} (${number})`, null, owner, name);
}
