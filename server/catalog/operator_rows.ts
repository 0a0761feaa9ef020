/**
 * Requests of operators to all servers that share a catalog, and reports of these servers. Each method is one
 * transaction. Times are those of the catalog's clock.
 *
 * @module
 */

/** A request to all servers, until one of them has done it. */
export interface OperatorRequest {
  /** The subject of the request. There is one request with it at a time. */
  readonly subject: string;
  /** The operator who asks. */
  readonly operator: string;
}

/** A server with a lease. */
export interface NodeReport {
  /** Its name, for people. */
  readonly name: string;
  /** A number that no other start of a server has. */
  readonly epoch: number;
  /** Its last report; `undefined` if it has made none. */
  readonly report: string | undefined;
  /** The time since that report, in milliseconds. */
  readonly ageMs: number;
}

/** Requests of operators, and reports of servers. */
export interface OperatorRows {
  /** Makes a request, or extends the one with its subject. It ends after `ttlMs`. */
  ask(request: OperatorRequest, ttlMs: number): Promise<void>;
  /** The requests that have not ended, at most `limit`. */
  asked(limit: number): Promise<OperatorRequest[]>;
  /** Whether the request with a subject has not ended. */
  isAsked(subject: string): Promise<boolean>;
  /** Ends a request. Returns whether it had not ended. */
  endRequest(subject: string): Promise<boolean>;
  /** Replaces the report of this server, which must have joined. It ends with the server. */
  publish(report: string): Promise<void>;
  /** The servers whose lease has not ended, oldest first. */
  reports(): Promise<NodeReport[]>;
}
