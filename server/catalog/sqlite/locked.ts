/**
 * How SQLite says that another process locks a database.
 *
 * @module
 */

/** SQLite's message for SQLITE_BUSY. Deno's error for it has no code of its own. */
export const LOCKED = "database is locked";
