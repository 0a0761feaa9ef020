/**
 * What there is to be done, shared by connections: each takes what is next, and gives back what it could not finish.
 *
 * @module
 */
export class WorkQueue<T> {
  readonly #waiting: readonly T[];
  #next = 0;
  readonly #returned: T[] = [];

  constructor(items: readonly T[]) {
    this.#waiting = items;
  }

  /** How many nobody has. */
  get size(): number {
    return this.#returned.length + Math.max(0, this.#waiting.length - this.#next);
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  take(): T | undefined {
    return this.#returned.shift() ?? this.#waiting[this.#next++];
  }

  requeue(items: readonly T[]): void {
    this.#returned.push(...items);
  }

  /** All that was given back and not taken again; it has to be given back once more. */
  takeRequeued(): T[] {
    return this.#returned.splice(0);
  }

  /** All that nobody has taken; none are left. */
  drain(): T[] {
    const left = [...this.#returned.splice(0), ...this.#waiting.slice(this.#next)];
    this.#next = this.#waiting.length;
    return left;
  }
}

/** Requests of little that are under way at once on a connection: while one is worked at, others come. */
const CONCURRENT_REQUESTS = 16;

/** Does work for each, several at a time; what fails ends it, and is given back with what was at work. */
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
