/**
 * Who is logged in by protocol 4 at the moment. Whoever may not be there any more is told so within about a second, also
 * where he says nothing, or takes a file for hours: an operator who takes a key away wants its holder out.
 *
 * @module
 */
import type { Principal, RevocationReason } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Log } from "../limits/server_log.ts";

/** How often the catalog is asked about all of them, in milliseconds. It is one look, of as many as there are connections. */
export const WATCH_MS = 1000;

export interface WatchedSession extends Principal {
  /** Called at each look from the first on that finds fault, until the session is removed. */
  dismiss(fault: RevocationReason): void;
}

export class RevocationWatch {
  readonly #catalog: { readonly accounts: Pick<Catalog["accounts"], "revocations"> };
  readonly #log: Log;
  readonly #here = new Set<WatchedSession>();
  /** Runs while somebody is here. */
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking = false;
  /** Whether the last look failed: that is logged once. */
  #failing = false;

  constructor(catalog: { readonly accounts: Pick<Catalog["accounts"], "revocations"> }, log: Log) {
    this.#catalog = catalog;
    this.#log = log;
  }

  add(session: WatchedSession): void {
    this.#here.add(session);
    this.#timer ??= setInterval(() => this.#look(), WATCH_MS);
  }

  remove(session: WatchedSession): void {
    this.#here.delete(session);
    if (this.#here.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    // A catalog that takes longer than that is not asked for more.
    if (this.#looking) return;
    this.#looking = true;
    try {
      const sessions = [...this.#here];
      const asked = sessions.map(({ clientId, key }) => ({ clientId, key }));
      const faults = await this.#catalog.accounts.revocations(asked);
      for (const [i, session] of sessions.entries()) {
        const fault = faults[i];
        if (fault !== undefined && this.#here.has(session)) session.dismiss(fault);
      }
      this.#failing = false;
    } catch (error) {
      // The data folder is closed when the last one has gone.
      if (this.#here.size > 0 && !this.#failing) this.#logFailure(error);
    } finally {
      this.#looking = false;
    }
  }

  #logFailure(error: unknown): void {
    this.#failing = true;
    this.#log.error("Could not see who may stay: {reason}", {
      event: "housekeeping.failed",
      reason: String(error),
    });
  }
}
