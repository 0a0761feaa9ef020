/**
 * The deadline for a peer's next bytes.
 *
 * @module
 */
import type { LimitName, Limits } from "../limits/limits.ts";

/**
 * The peer's next data: a request, the rest of one, the content of a file, or the next piece of a file for which the peer
 * itself may have to wait.
 */
export type ReadPhase = "idle" | "request" | "content" | "stream";

/** Counts the time spent waiting for a peer. The server's own time does not count. */
export class ReadDeadline {
  readonly #limits: Limits;
  #phase: ReadPhase = "idle";
  #waited = 0;
  #received = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Starts a new deadline if the phase has changed. */
  enter(phase: ReadPhase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.restart();
  }

  restart(): void {
    this.#waited = 0;
    this.#received = 0;
  }

  /** Records a wait in milliseconds and the bytes received. */
  spend(ms: number, bytes: number): void {
    this.#waited += ms;
    this.#received += bytes;
  }

  /** The milliseconds that are left, and the limit that ends them. */
  left(): { readonly limit: LimitName; readonly ms: number } {
    const { idleTimeoutMs, requestTimeoutMs, stallTimeoutMs, minRate } = this.#limits;
    switch (this.#phase) {
      case "idle":
        return { limit: "idleTimeoutMs", ms: idleTimeoutMs - this.#waited };
      case "request":
        return { limit: "requestTimeoutMs", ms: requestTimeoutMs - this.#waited };
      case "stream":
        return { limit: "stallTimeoutMs", ms: stallTimeoutMs };
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
