/**
 * Every bound that the server keeps, with its reason. Times are in milliseconds, sizes in bytes.
 *
 * @module
 */
export interface Limits {
  /** A registered name whose key exchange never came is free again after this. */
  readonly registrationTtlMs: number;
  /** An AES key is forgotten when it has not been used for this long. */
  readonly sessionTtlMs: number;
  /** AES keys held in memory; the one unused for longest makes room. A key takes about 200 bytes. */
  readonly maxSessions: number;
  /** Ids given out with a denied reconnection, held until used or `registrationTtlMs` old. */
  readonly maxReservations: number;
  /** A received file whose checksum the client never judged is dropped after this. */
  readonly unverifiedTtlMs: number;
  /** Received files that one client may leave unjudged; the oldest is dropped for a further one. */
  readonly maxUnverifiedPerClient: number;
  /** Open connections. Further ones are closed at once, since each holds buffers and a file descriptor. */
  readonly maxConnections: number;
  /** A connection on which nothing moves for this long is closed. */
  readonly idleTimeoutMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  registrationTtlMs: 10 * 60_000,
  sessionTtlMs: 60 * 60_000,
  maxSessions: 65_536,
  maxReservations: 4096,
  unverifiedTtlMs: 10 * 60_000,
  maxUnverifiedPerClient: 16,
  maxConnections: 4096,
  idleTimeoutMs: 2 * 60_000,
};
