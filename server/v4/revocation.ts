/**
 * Ends the sessions of protocol 4 whose account was disabled or removed, or whose key was removed. It takes about a
 * second, even if they are idle or in the middle of a transfer.
 *
 * @module
 */
import type { Principal, RevocationReason } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Log } from "../limits/server_log.ts";

/** The interval at which the catalog is asked, in milliseconds. One query covers all sessions. */
export const WATCH_MS = 1000;

export interface WatchedSession extends Principal {
  /** Called at each query that finds a reason, until the session is removed. */
  dismiss(reason: RevocationReason): void;
}

export interface RevocationWatchOptions {
  readonly catalog: { readonly accounts: Pick<Catalog["accounts"], "revocations"> };
  /** Milliseconds since any moment, never decreasing. */
  readonly ticks: () => number;
  readonly log: Log;
}

export class RevocationWatch {
  readonly #options: RevocationWatchOptions;
  readonly #sessions = new Set<WatchedSession>();
  /** Runs between two queries while sessions exist. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> | undefined;
  /** The time at which the last successful query began. */
  #lookedAt = -Infinity;
  /** Whether the last query of the timer failed. Only the first failure is logged. */
  #isFailing = false;

  constructor(options: RevocationWatchOptions) {
    this.#options = options;
  }

  add(session: WatchedSession): void {
    this.#sessions.add(session);
    if (this.#timer === undefined) this.#setTimer();
  }

  remove(session: WatchedSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#setTimer();
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const isNeeded = this.#sessions.size > 0;
    this.#timer = isNeeded ? setTimeout(() => this.#watch(), WATCH_MS) : undefined;
  }

  /**
   * Resolves when the last query began less than a second ago, so that a dismissed session cannot make a request.
   * Throws what the catalog throws.
   */
  async refresh(): Promise<void> {
    if (this.#options.ticks() - this.#lookedAt >= WATCH_MS) await this.look();
  }

  async #watch(): Promise<void> {
    // Don't start another query while a slow one runs.
    if (this.#looking !== undefined) return this.#setTimer();
    try {
      await this.look();
      this.#isFailing = false;
    } catch (error) {
      // Failures while the server closes its data folder do not matter.
      if (this.#sessions.size > 0 && !this.#isFailing) this.#logFailure(error);
    }
  }

  /** Queries the catalog once for all callers that wait. Throws what the catalog throws. */
  look(): Promise<void> {
    // A dismissed session has until the next query to disconnect.
    if (this.#looking === undefined) this.#setTimer();
    this.#looking ??= this.#dismissRevoked().finally(() => this.#looking = undefined);
    return this.#looking;
  }

  async #dismissRevoked(): Promise<void> {
    const { catalog, ticks } = this.#options;
    const begin = ticks();
    const sessions = [...this.#sessions];
    const principals = sessions.map(({ accountId, key }) => ({ accountId, key }));
    const reasons = await catalog.accounts.revocations(principals);
    this.#lookedAt = begin;
    for (const [i, session] of sessions.entries()) {
      const reason = reasons[i];
      if (reason !== undefined && this.#sessions.has(session)) session.dismiss(reason);
    }
  }

  #logFailure(error: unknown): void {
    this.#isFailing = true;
    this.#options.log.error("Could not check for disabled and removed accounts: {reason}", {
      event: "housekeeping.failed",
      reason: String(error),
    });
  }
}
