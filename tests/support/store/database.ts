/** Direct access to a server's catalog. */
import { DatabaseSync, type DatabaseSyncOptions, type SQLInputValue } from "node:sqlite";

/** A database for a block that closes it: those of Deno 2.4 cannot be disposed of. */
export function openDatabase(
  path: string,
  options: DatabaseSyncOptions = {},
): DatabaseSync & Disposable {
  const database = new DatabaseSync(path, options);
  return Object.assign(database, { [Symbol.dispose]: () => database.close() });
}

/** Changes a catalog without the server: a script, or one statement with values. */
export function tamper(path: string, sql: string, ...values: SQLInputValue[]): void {
  using database = openDatabase(path);
  if (values.length === 0) database.exec(sql);
  else database.prepare(sql).run(...values);
}
