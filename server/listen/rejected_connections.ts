/**
 * Peers for which the server has no room: each gets an answer that says so, which costs little and is bounded itself.
 *
 * @module
 */
import type { LimitError } from "../limits/limits.ts";
import type { OpenConnection } from "./listeners.ts";

/**
 * Rejected peers whose first request is waited for at a time; beyond that the oldest gets its answer at once. Each takes
 * a descriptor and 4 KiB; a client that is there sends its first request long before as many others have come.
 */
export const MAX_REJECTING = 256;

export class RejectedConnections {
  /** What ends the wait for each peer's first request; the oldest peer first. */
  readonly #peers = new Map<OpenConnection, AbortController>();
  readonly #leaving = new Set<Promise<void>>();

  /** Answers a peer that the server is busy, and ends its connection. */
  rejectBusy(peer: OpenConnection, error: LimitError): void {
    const [oldest] = this.#peers;
    if (oldest !== undefined && this.#peers.size >= MAX_REJECTING) this.#abort(...oldest);
    const controller = new AbortController();
    this.#peers.set(peer, controller);
    const leaving = peer.rejectBusy(error, controller.signal).finally(() => {
      this.#peers.delete(peer);
      this.#leaving.delete(leaving);
    });
    this.#leaving.add(leaving);
  }

  /** Answers all at once. Resolves when all connections have ended. */
  async close(): Promise<void> {
    for (const entry of [...this.#peers]) this.#abort(...entry);
    await Promise.all(this.#leaving);
  }

  #abort(peer: OpenConnection, controller: AbortController): void {
    this.#peers.delete(peer);
    controller.abort();
  }
}
