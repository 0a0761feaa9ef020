/** A server's catalog behind its back: looked into, and tampered with. */
import { DatabaseSync, type DatabaseSyncOptions, type SQLInputValue } from "node:sqlite";

/** A database that its block closes: that of Deno 2.4 can't be disposed of. */
export function openDatabase(
  path: string,
  options: DatabaseSyncOptions = {},
): DatabaseSync & Disposable {
  const database = new DatabaseSync(path, options);
  return Object.assign(database, { [Symbol.dispose]: () => database.close() });
}

/** Changes a catalog past the server: a script, or one statement with values. */
export function tamper(path: string, sql: string, ...values: SQLInputValue[]): void {
  using database = openDatabase(path);
  if (values.length === 0) database.exec(sql);
  else database.prepare(sql).run(...values);
}
