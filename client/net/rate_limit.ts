/**
 * A bound on how many bytes a second go to and come from a server.
 *
 * @module
 */

/** A source of time. */
export interface Clock {
  /** Milliseconds since any moment; never decreases. */
  now(): number;
  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void>;
}

/** The lowest rate, in bytes per second: below it a chunk would take longer than both ends wait for each other. */
export const MIN_RATE = 4096;

/** What is taken too early is waited for when it comes to this many milliseconds: short sleeps cost more than they last. */
const MIN_SLEEP_MS = 100;
/** What was not used in so many milliseconds before may be made up for. */
const BURST_MS = 100;
/** So many milliseconds' worth of bytes are sent at once at most, so that the other end sees that something comes. */
const PIECE_MS = 1000;

/** A token bucket. Connections that have the same one share it. */
export class RateLimit {
  /** The most bytes to send at once. */
  readonly piece: number;
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  /** When everything that was taken so far is paid for at this rate. */
  #paidAt = -Infinity;

  /** `bytesPerSecond`: at least {@link MIN_RATE}. */
  constructor(bytesPerSecond: number, clock: Clock = SYSTEM_CLOCK) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#clock = clock;
    this.piece = Math.max(1, Math.floor(this.#bytesPerMs * PIECE_MS));
  }

  /** Resolves when so many more bytes may be sent or requested. */
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
