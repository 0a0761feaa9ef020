/**
 * How long a peer is waited for.
 *
 * @module
 */
import type { LimitName, Limits } from "../limits/limits.ts";

/** What a peer is to send next: a request, the rest of one, or the content of a file. */
export type ReadPhase = "idle" | "request" | "content";

/** Counts the time that is spent waiting for a peer; time that the server takes itself does not count. */
export class ReadDeadline {
  readonly #limits: Limits;
  #phase: ReadPhase = "idle";
  #waited = 0;
  #received = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Waits anew where the peer has gone on to another phase. */
  enter(phase: ReadPhase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.restart();
  }

  restart(): void {
    this.#waited = 0;
    this.#received = 0;
  }

  /** Notes that bytes came after a wait, in milliseconds. */
  spend(ms: number, bytes: number): void {
    this.#waited += ms;
    this.#received += bytes;
  }

  /** How many milliseconds are left, and the limit that ends them. */
  left(): { readonly limit: LimitName; readonly ms: number } {
    const { idleTimeoutMs, requestTimeoutMs, stallTimeoutMs, minRate } = this.#limits;
    switch (this.#phase) {
      case "idle":
        return { limit: "idleTimeoutMs", ms: idleTimeoutMs - this.#waited };
      case "request":
        return { limit: "requestTimeoutMs", ms: requestTimeoutMs - this.#waited };
      case "content": {
        const earned = minRate > 0 ? this.#received / minRate * 1000 : Infinity;
        const ms = stallTimeoutMs + earned - this.#waited;
        return ms < stallTimeoutMs
          ? { limit: "minRate", ms }
          : { limit: "stallTimeoutMs", ms: stallTimeoutMs };
      }
    }
  }
}
