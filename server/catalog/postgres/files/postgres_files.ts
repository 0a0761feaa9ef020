/**
 * The files of a catalog in PostgreSQL.
 *
 * @module
 */
import type { Files } from "../../files.ts";
import type { PackedFiles } from "../../packs.ts";
import type { PostgresDatabase } from "../database.ts";

/** The files of a catalog in a database. */
export function postgresFiles(_database: PostgresDatabase): Files & PackedFiles {
  const missing = (_target: unknown, name: string | symbol) => () =>
    Promise.reject(new Error(`files.${String(name)} is not implemented yet`));
  return new Proxy({}, { get: missing }) as Files & PackedFiles;
}
