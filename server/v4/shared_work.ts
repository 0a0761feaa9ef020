/**
 * Expensive work that peers ask for. It is done once for all who wait for it, up to a number at a time, one per owner.
 * It is aborted when no one waits for it any longer.
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
  /** Work that has not begun, in the order of requests. */
  readonly #queue = new Set<SharedJob<T>>();
  /** Owners whose work is running. */
  readonly #busy = new Set<string>();

  /** `max`: the most work at a time. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The number of jobs that have not begun. */
  get queued(): number {
    return this.#queue.size;
  }

  /**
   * The result of the work, or of unfinished work with the same key. Rejects if the caller's peer disconnects first. If
   * no one else waits, the work is then dropped or its signal aborted. `onDisconnect` is disposed of afterwards, since one
   * connection can ask for any number of jobs.
   */
  async do(
    key: string,
    owner: string,
    work: (signal: AbortSignal) => Promise<T>,
    onDisconnect: (reject: (reason: Error) => void) => Disposable,
  ): Promise<T> {
    const job = this.#jobs.get(key) ?? this.#add(key, owner, work);
    job.waiting++;
    const { promise: disconnected, reject } = Promise.withResolvers<never>();
    using _listening = onDisconnect(reject);
    try {
      return await Promise.race([job.done.promise, disconnected]);
    } finally {
      if (--job.waiting === 0) this.#drop(job);
    }
  }

  #add(key: string, owner: string, work: (signal: AbortSignal) => Promise<T>): SharedJob<T> {
    const job: SharedJob<T> = {
      ...{ key, owner, work, waiting: 0 },
      ...{ done: Promise.withResolvers<T>(), end: new AbortController() },
    };
    // If it fails, perhaps no one waits for it.
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
      // Later callers start new work.
      if (this.#jobs.get(key)?.done === done) this.#jobs.delete(key);
      this.#busy.delete(owner);
      this.#beginNext();
    }
  }
}
