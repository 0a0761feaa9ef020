/**
 * Items of work that connections share. Each connection takes the next item, and returns what it could not finish.
 *
 * @module
 */
export class WorkQueue<T> {
  readonly #waiting: Iterator<T>;
  /** The number of items that nobody has taken for the first time. */
  #left: number;
  readonly #returned: T[] = [];

  /** `count`: the number of items. */
  constructor(items: readonly T[]);
  constructor(items: Iterable<T>, count: number);
  constructor(items: Iterable<T>, count = (items as readonly T[]).length) {
    this.#waiting = items[Symbol.iterator]();
    this.#left = count;
  }

  /** The number of items that nobody has taken. */
  get size(): number {
    return this.#returned.length + this.#left;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  take(): T | undefined {
    if (this.#returned.length > 0) return this.#returned.shift();
    const next = this.#waiting.next();
    if (next.done === true) return undefined;
    this.#left--;
    return next.value;
  }

  requeue(items: readonly T[]): void {
    this.#returned.push(...items);
  }

  /** Removes and returns the items that were requeued and not taken again. */
  takeRequeued(): T[] {
    return this.#returned.splice(0);
  }

  /** Removes and returns all items that nobody has taken. */
  drain(): T[] {
    const left = this.#returned.splice(0);
    for (let next = this.#waiting.next(); next.done !== true; next = this.#waiting.next()) {
      left.push(next.value);
    }
    this.#left = 0;
    return left;
  }
}

/** Small requests in progress at once on a connection, so that none waits for the round trip of another. */
const CONCURRENT_REQUESTS = 16;

/**
 * Runs `work` for each item, several at a time. After a failure it takes no more, requeues the failed items and throws.
 */
export async function forEachConcurrently<T>(
  queue: WorkQueue<T>,
  work: (item: T) => Promise<void>,
) {
  let failed = false;
  const workers = Array.from({ length: CONCURRENT_REQUESTS }, async () => {
    for (;;) {
      const item = failed ? undefined : queue.take();
      if (item === undefined) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        queue.requeue([item]);
        throw error;
      }
    }
  });
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
