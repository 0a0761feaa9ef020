/**
 * Whether the server is at work for clients.
 *
 * @module
 */
export class Activity {
  readonly #ticks: () => number;
  #running = 0;
  /** The time at which the last request ended, by `ticks`. */
  #last: number;

  /** `ticks`: milliseconds since any moment. */
  constructor(ticks: () => number) {
    this.#ticks = ticks;
    this.#last = ticks();
  }

  /** The time since the last request ended, in milliseconds; 0 during a request. */
  get idleMs(): number {
    return this.#running > 0 ? 0 : this.#ticks() - this.#last;
  }

  /** Counts work until it ends. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work;
    } finally {
      this.#running--;
      this.#last = this.#ticks();
    }
  }
}
