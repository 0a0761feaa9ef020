/**
 * A map that forgets: entries that have not been used for a while, and the one unused for longest when it is full.
 *
 * @module
 */

export interface ExpiringMapOptions {
  readonly ttlMs: number;
  readonly max: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

export class ExpiringMap<V> {
  readonly #options: ExpiringMapOptions;
  /** In order of last use, oldest first. */
  readonly #entries = new Map<string, { readonly value: V; readonly expires: number }>();

  constructor(options: ExpiringMapOptions) {
    this.#options = options;
  }

  set(key: string, value: V): void {
    const { ttlMs, max, clock } = this.#options;
    this.#entries.delete(key);
    this.#entries.set(key, { value, expires: clock() + ttlMs });
    this.sweep();
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= max) break;
      this.#entries.delete(oldest);
    }
  }

  /** The value, whose time starts anew. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expires <= this.#options.clock()) return undefined;
    this.set(key, entry.value);
    return entry.value;
  }

  /** The value, whose time goes on. */
  peek(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expires > this.#options.clock() ? entry.value : undefined;
  }

  /** Keys and values, oldest first; what has expired is left out. */
  *entries(): Generator<[string, V]> {
    const now = this.#options.clock();
    for (const [key, { value, expires }] of this.#entries) if (expires > now) yield [key, value];
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets what has expired. */
  sweep(): void {
    const now = this.#options.clock();
    for (const [key, { expires }] of this.#entries) {
      if (expires > now) break;
      this.#entries.delete(key);
    }
  }
}
