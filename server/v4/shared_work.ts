/**
 * Expensive work that peers ask for: done once for all who wait for it, some at a time, one of each owner's, and broken
 * off where nobody waits any more.
 *
 * @module
 */

interface SharedJob<T> {
  readonly key: string;
  readonly owner: string;
  readonly work: (signal: AbortSignal) => Promise<T>;
  readonly done: PromiseWithResolvers<T>;
  readonly end: AbortController;
  waiting: number;
}

export class SharedWork<T> {
  readonly #max: number;
  readonly #jobs = new Map<string, SharedJob<T>>();
  /** Those that have not begun, in the order in which they were asked for. */
  readonly #queue = new Set<SharedJob<T>>();
  /** Owners whose work is being done. */
  readonly #busy = new Set<string>();

  /** `max`: how much is done at a time. */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many wait for work that has not begun. */
  get queued(): number {
    return this.#queue.size;
  }

  /**
   * What the work comes to: its own, or that of one with its key that has not ended. Where whoever asks leaves before, it
   * rejects, and if nobody else waits for it the work is not begun, or its signal is aborted. `onLeft` is listened to until
   * then, and not longer: one connection may ask for any number of works.
   */
  async do(
    key: string,
    owner: string,
    work: (signal: AbortSignal) => Promise<T>,
    onLeft: (leave: (reason: Error) => void) => Disposable,
  ): Promise<T> {
    const job = this.#jobs.get(key) ?? this.#add(key, owner, work);
    job.waiting++;
    const { promise: left, reject: leave } = Promise.withResolvers<never>();
    using _listening = onLeft(leave);
    try {
      return await Promise.race([job.done.promise, left]);
    } finally {
      if (--job.waiting === 0) this.#drop(job);
    }
  }

  #add(key: string, owner: string, work: (signal: AbortSignal) => Promise<T>): SharedJob<T> {
    const job: SharedJob<T> = {
      ...{ key, owner, work, waiting: 0 },
      ...{ done: Promise.withResolvers<T>(), end: new AbortController() },
    };
    // Nobody may wait any more when it fails.
    job.done.promise.catch(() => undefined);
    this.#jobs.set(key, job);
    this.#queue.add(job);
    this.#beginNext();
    return job;
  }

  #drop(job: SharedJob<T>): void {
    job.end.abort();
    this.#queue.delete(job);
    if (this.#jobs.get(job.key) === job) this.#jobs.delete(job.key);
  }

  #beginNext(): void {
    for (const job of this.#queue) {
      if (this.#busy.size >= this.#max) return;
      if (this.#busy.has(job.owner)) continue;
      this.#queue.delete(job);
      this.#busy.add(job.owner);
      this.#run(job);
    }
  }

  async #run({ key, owner, work, done, end }: SharedJob<T>): Promise<void> {
    try {
      done.resolve(await work(end.signal));
    } catch (error) {
      done.reject(error);
    } finally {
      // Who asks from now on asks anew.
      if (this.#jobs.get(key)?.done === done) this.#jobs.delete(key);
      this.#busy.delete(owner);
      this.#beginNext();
    }
  }
}
