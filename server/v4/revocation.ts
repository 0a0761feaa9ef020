/**
 * Ends the sessions of protocol 4 whose account was disabled, or has lost the key or is gone: within about a second, even
 * when they are idle or in the middle of a transfer.
 *
 * @module
 */
import type { Principal, RevocationReason } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Log } from "../limits/server_log.ts";

/** How often the catalog is asked, in milliseconds: in one look for all sessions. */
export const WATCH_MS = 1000;

export interface WatchedSession extends Principal {
  /** Called at each look that finds a reason, until the session is removed. */
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
  /** Runs from one look to the next while there are sessions. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> | undefined;
  /** When the last look began that succeeded. */
  #lookedAt = -Infinity;
  /** Whether the last look of the timer failed: that is logged once. */
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
   * Resolves when the last look began less than a second ago, so that no request of a dismissed session is done. Throws
   * what the catalog throws.
   */
  async refresh(): Promise<void> {
    if (this.#options.ticks() - this.#lookedAt >= WATCH_MS) await this.#look();
  }

  async #watch(): Promise<void> {
    // A catalog that takes longer than the interval is not asked again meanwhile.
    if (this.#looking !== undefined) return this.#setTimer();
    try {
      await this.#look();
      this.#isFailing = false;
    } catch (error) {
      // The data folder is closed after the last session has ended.
      if (this.#sessions.size > 0 && !this.#isFailing) this.#logFailure(error);
    }
  }

  /** Looks once for all who need it at a time. */
  #look(): Promise<void> {
    // Who is dismissed has until the next look to be told.
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
    this.#options.log.error("Could not see who may stay: {reason}", {
      event: "housekeeping.failed",
      reason: String(error),
    });
  }
}
