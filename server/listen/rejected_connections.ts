/**
 * Peers for whom the server has no room: they are told so, which takes little and is bounded itself.
 *
 * @module
 */
import type { LimitError } from "../limits/limits.ts";
import type { OpenConnection } from "./listeners.ts";

/**
 * So many are heard at once before they are turned away; beyond that the one that came first is hurried. Each takes a
 * descriptor and 4 KiB; a client that is there sends its first request long before so many others have come.
 */
export const MAX_TURNING_AWAY = 256;

export class RejectedConnections {
  /** With what hurries each, the one that came first before the others. */
  readonly #peers = new Map<OpenConnection, AbortController>();
  readonly #leaving = new Set<Promise<void>>();

  /** Tells a peer that there is no room for it, and ends its connection. */
  rejectBusy(peer: OpenConnection, error: LimitError): void {
    const [first] = this.#peers;
    if (first !== undefined && this.#peers.size >= MAX_TURNING_AWAY) this.#hurry(...first);
    const hurry = new AbortController();
    this.#peers.set(peer, hurry);
    const leaving = peer.rejectBusy(error, hurry.signal).finally(() => {
      this.#peers.delete(peer);
      this.#leaving.delete(leaving);
    });
    this.#leaving.add(leaving);
  }

  /** Hurries all, and waits until they are gone. */
  async close(): Promise<void> {
    for (const entry of [...this.#peers]) this.#hurry(...entry);
    await Promise.all(this.#leaving);
  }

  #hurry(peer: OpenConnection, hurry: AbortController): void {
    this.#peers.delete(peer);
    hurry.abort();
  }
}
