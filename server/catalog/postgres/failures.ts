/**
 * Failures of the database, by their meaning. The codes are those of PostgreSQL's documentation, "PostgreSQL Error Codes".
 *
 * @module
 */

/** The transaction had no effect, and can succeed if it runs again: conflicts with others. */
const CONFLICTS: ReadonlySet<string> = new Set([
  "40001", // serialization_failure
  "40P01", // deadlock_detected
]);

/** The server is starting, stopping or a standby, or has no connection left: it will be back. */
const AWAY: ReadonlySet<string> = new Set([
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
  "57P05", // idle_session_timeout
  "25006", // read_only_sql_transaction
  "25P03", // idle_in_transaction_session_timeout
  "25P04", // transaction_timeout
  "53300", // too_many_connections
]);

/** The server takes too long, or lacks memory or disk space. Trying again at once would not help. */
const OVERLOADED: ReadonlySet<string> = new Set([
  "57014", // query_canceled, by the statement timeout
  "53000", // insufficient_resources
  "53100", // disk_full
  "53200", // out_of_memory
]);

/** What a failed statement says about its transaction. */
export type FailureKind = "conflict" | "away" | "overloaded" | "other";

/** The SQLSTATE of an error from the server. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const severity = error instanceof Error && "severity" in error;
  return severity && typeof code === "string" ? code : undefined;
}

/** The kind of a failure. An error that is not the server's is one of the connection. */
export function failureKind(error: unknown): FailureKind {
  const state = sqlStateOf(error);
  if (state === undefined) return isConnectionFailure(error) ? "away" : "other";
  if (CONFLICTS.has(state)) return "conflict";
  if (AWAY.has(state) || state.startsWith("08")) return "away";
  return OVERLOADED.has(state) ? "overloaded" : "other";
}

/** Marks errors of a connection, which come from sockets, TLS and `pg` in many classes. */
export class ConnectionFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function isConnectionFailure(error: unknown): boolean {
  return error instanceof ConnectionFailure;
}
