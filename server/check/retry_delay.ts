/**
 * Growing times until something that has failed is tried again.
 *
 * @module
 */

/** The first time, in milliseconds. */
const FIRST_MS = 60_000;
/** The longest time, in milliseconds. */
const MAX_MS = 60 * 60_000;

export class RetryDelay {
  readonly #firstMs: number;
  #nextMs: number;

  constructor(firstMs: number = FIRST_MS) {
    this.#firstMs = firstMs;
    this.#nextMs = firstMs;
  }

  /** The time to wait now. The next one is twice as long. */
  take(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(2 * ms, MAX_MS);
    return ms;
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
