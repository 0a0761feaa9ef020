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

/** How much work is in progress at a time. */
export interface WorkWindow<T> {
  readonly maxItems?: number;
  /** The bytes of the items in progress after which no other begins. */
  readonly maxBytes?: number;
  readonly sizeOf?: (item: T) => number;
}

/**
 * Runs `work` for each item, several at a time. After a failure it takes no more, requeues the failed items and throws.
 */
export async function forEachConcurrently<T>(
  queue: WorkQueue<T>,
  work: (item: T) => Promise<void>,
  { maxItems = CONCURRENT_REQUESTS, maxBytes = Infinity, sizeOf = () => 0 }: WorkWindow<T> = {},
) {
  let failed = false;
  let bytes = 0;
  /** Wakes the workers that wait for room. */
  let room = Promise.withResolvers<void>();
  const workers = Array.from({ length: maxItems }, async () => {
    for (;;) {
      while (bytes >= maxBytes && !failed) await room.promise;
      const item = failed ? undefined : queue.take();
      if (item === undefined) return;
      const size = sizeOf(item);
      bytes += size;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        queue.requeue([item]);
        throw error;
      } finally {
        bytes -= size;
        room.resolve();
        room = Promise.withResolvers();
      }
    }
  });
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
