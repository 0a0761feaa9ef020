/**
 * Peers that the server rejects because it is full. Each gets an answer. The cost is small and bounded.
 *
 * @module
 */
import type { LimitError } from "../limits/limits.ts";
import type { OpenConnection } from "./listeners.ts";

/**
 * The most rejected peers whose first request the server waits for. Beyond that, the oldest is answered at once. Each
 * takes a descriptor and 4 KiB. A real client sends its first request long before this many others connect.
 */
export const MAX_REJECTING = 256;

export class RejectedConnections {
  /** The controllers that end the wait for each peer's first request, oldest first. */
  readonly #peers = new Map<OpenConnection, AbortController>();
  readonly #ending = new Set<Promise<void>>();

  /** Answers a peer that the server is full, and ends its connection. */
  rejectBusy(peer: OpenConnection, error: LimitError): void {
    const [oldest] = this.#peers;
    if (oldest !== undefined && this.#peers.size >= MAX_REJECTING) this.#abort(...oldest);
    const controller = new AbortController();
    this.#peers.set(peer, controller);
    const ending = peer.rejectBusy(error, controller.signal).finally(() => {
      this.#peers.delete(peer);
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
  }

  /** Answers all peers at once. Resolves when all connections have ended. */
  async close(): Promise<void> {
    for (const entry of [...this.#peers]) this.#abort(...entry);
    await Promise.all(this.#ending);
  }

  #abort(peer: OpenConnection, controller: AbortController): void {
    this.#peers.delete(peer);
    controller.abort();
  }
}
