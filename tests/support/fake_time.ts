/** Time that moves only when a test says so, for work that waits by itself. */

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

export class FakeTime {
  /** Milliseconds. */
  now = 1_000_000_000_000;
  readonly #sleepers = new Set<Sleeper>();

  readonly clock = (): number => this.now;

  /** Resolves when so much time has passed, or when the signal aborts. */
  readonly pause = (ms: number, signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper = { until: this.now + ms, wake: resolve };
    this.#sleepers.add(sleeper);
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
    return promise.then(() => void this.#sleepers.delete(sleeper));
  };

  /**
   * Lets time pass, each time until the next one wakes. `count`: the number of those that sleep when nothing is left to
   * do.
   */
  async pass(ms: number, count: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await this.#settle(count);
      const [next] = [...this.#sleepers].sort((a, b) => a.until - b.until);
      if (next === undefined || next.until > end) break;
      this.now = Math.max(this.now, next.until);
      this.#sleepers.delete(next);
      next.wake();
    }
    this.now = end;
  }

  async #settle(count: number): Promise<void> {
    do await new Promise((resolve) => setTimeout(resolve, 0)); while (this.#sleepers.size < count);
  }
}
