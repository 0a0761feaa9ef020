/**
 * Failures of the database, by what they mean for a transaction. The codes are those of PostgreSQL's documentation,
 * "PostgreSQL Error Codes".
 *
 * @module
 */

/** The transaction has failed because of another one, and can succeed if it runs again. */
const CONFLICTS: ReadonlySet<string> = new Set([
  "40001", // serialization_failure
  "40P01", // deadlock_detected
]);

/** The server is starting, stopping or a standby, has ended the session, or has no connection left. */
const AWAY: ReadonlySet<string> = new Set([
  "25006", // read_only_sql_transaction
  "25P03", // idle_in_transaction_session_timeout
  "25P04", // transaction_timeout
  "53300", // too_many_connections
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
  "57P05", // idle_session_timeout
]);
/** The class of connection exceptions. */
const CONNECTION_CLASS = "08";

/** The statement took too long, or the server lacks memory or disk space. Trying again at once would not help. */
const OVERLOADED: ReadonlySet<string> = new Set([
  "53000", // insufficient_resources
  "53100", // disk_full
  "53200", // out_of_memory
  "57014", // query_canceled
]);

/** The server refuses the user or the database. */
const REFUSED: ReadonlySet<string> = new Set([
  "28000", // invalid_authorization_specification
  "28P01", // invalid_password
  "3D000", // invalid_catalog_name: no such database
  "42501", // insufficient_privilege
]);

/**
 * The kind of a failure. `conflict` and `away`: the transaction can run again, unless its commit was not answered.
 * `overloaded`: later. `refused`: an operator must act. `other`: everything else, also errors that are not the database's.
 */
export type FailureKind = "conflict" | "away" | "overloaded" | "refused" | "other";

/** A failure of the connection. The libraries and the system have many classes for it. */
export class ConnectionFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }

  /** Whether the statement was not even sent, because the connection was broken before. `pg` has only words for it. */
  get isUnsent(): boolean {
    return this.message.endsWith("is not queryable");
  }
}

/** The SQLSTATE of an error that the server has sent. */
export function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("severity" in error && "code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The kind of a failure. */
export function failureKind(error: unknown): FailureKind {
  if (error instanceof ConnectionFailure) return isUntrusted(error.cause) ? "refused" : "away";
  const state = sqlStateOf(error);
  if (state === undefined) return "other";
  if (CONFLICTS.has(state)) return "conflict";
  if (AWAY.has(state) || state.startsWith(CONNECTION_CLASS)) return "away";
  if (OVERLOADED.has(state)) return "overloaded";
  return REFUSED.has(state) ? "refused" : "other";
}

/** Whether a server could not prove who it is. Deno reports an invalid certificate as invalid data. */
function isUntrusted(cause: unknown): boolean {
  return cause instanceof Deno.errors.InvalidData || cause instanceof TlsRefused;
}

/** The server does not accept TLS. */
export class TlsRefused extends Error {
  constructor() {
    super("it does not accept TLS connections");
  }
}
