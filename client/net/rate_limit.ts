/**
 * A limit on the bytes per second to and from a server.
 *
 * @module
 */

/** A source of time. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never decreases. */
  now(): number;
  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
}

/** The lowest rate, in bytes per second. At a lower rate, a chunk would take longer than the timeouts of both ends. */
export const MIN_RATE = 4096;

/** The shortest wait, in milliseconds. Shorter debts accumulate, because a short sleep takes longer than asked for. */
const MIN_SLEEP_MS = 100;
/** Unused time, in milliseconds, that later bytes may make up for. */
const BURST_MS = 100;
/** The most bytes sent at once, as milliseconds of the rate, so that the other end sees regular progress. */
const PIECE_MS = 1000;

/** A token bucket. Connections with the same object share the rate. */
export class RateLimit {
  /** The most bytes to send at once. */
  readonly piece: number;
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  /** The time at which all bytes taken so far are paid for. */
  #paidAt = -Infinity;

  /** `bytesPerSecond`: at least {@link MIN_RATE}. */
  constructor(bytesPerSecond: number, clock: Clock = SYSTEM_CLOCK) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#clock = clock;
    this.piece = Math.max(1, Math.floor(this.#bytesPerMs * PIECE_MS));
  }

  /** Resolves when `bytes` more bytes may be sent or requested. */
  async take(bytes: number): Promise<void> {
    const now = this.#clock.now();
    this.#paidAt = Math.max(this.#paidAt, now - BURST_MS) + bytes / this.#bytesPerMs;
    const ahead = this.#paidAt - now;
    if (ahead >= MIN_SLEEP_MS) await this.#clock.sleep(ahead);
  }
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
