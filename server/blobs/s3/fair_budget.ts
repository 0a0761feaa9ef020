/**
 * A number that is shared out in order of arrival, such as bytes of memory or requests in progress.
 *
 * @module
 */

interface Waiter {
  readonly amount: number;
  readonly start: () => void;
}

export class FairBudget {
  readonly #most: number;
  #taken = 0;
  /** In order of arrival. */
  readonly #queue: Waiter[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** The amount that is taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes an amount, if necessary after others have given theirs back. Rejects when the signal is aborted. */
  async take(amount: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#queue.length === 0 && this.#fits(amount)) return void (this.#taken += amount);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { amount, start: resolve };
    const leave = () => {
      const index = this.#queue.indexOf(waiter);
      if (index < 0) return;
      this.#queue.splice(index, 1);
      reject(signal?.reason);
      this.#admit();
    };
    this.#queue.push(waiter);
    signal?.addEventListener("abort", leave);
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  give(amount: number): void {
    this.#taken -= amount;
    this.#admit();
  }

  /** An amount larger than the whole is accepted when nothing else is taken. */
  #fits(amount: number): boolean {
    return this.#taken === 0 || this.#taken + amount <= this.#most;
  }

  #admit(): void {
    for (let next = this.#queue[0]; next && this.#fits(next.amount); next = this.#queue[0]) {
      this.#queue.shift();
      this.#taken += next.amount;
      next.start();
    }
  }
}
