/**
 * A map whose entries expire when unused. If the map is full, a new entry replaces the one unused for longest.
 *
 * @module
 */

export interface Bounds {
  readonly ttlMs: number;
  readonly max: number;
}

export class TtlMap<V> {
  readonly #bounds: () => Bounds;
  readonly #ticks: () => number;
  /** Least recently used first. */
  readonly #entries = new Map<string, { readonly value: V; readonly usedAt: number }>();

  /** The bounds can change at any time. `ticks`: milliseconds since any moment, never decreasing. */
  constructor(bounds: () => Bounds, ticks: () => number) {
    this.#bounds = bounds;
    this.#ticks = ticks;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, usedAt: this.#ticks() });
    this.sweep();
    const { max } = this.#bounds();
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= max) break;
      this.#entries.delete(oldest);
    }
  }

  /** The value. Its time to live starts again. */
  get(key: string): V | undefined {
    const value = this.peek(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** The value. Its time to live does not change. */
  peek(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.usedAt > this.#expired() ? entry.value : undefined;
  }

  /** Keys and values of the entries that have not expired, least recently used first. */
  *entries(): Generator<[string, V]> {
    const expired = this.#expired();
    for (const [key, { value, usedAt }] of this.#entries) if (usedAt > expired) yield [key, value];
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Removes expired entries. */
  sweep(): void {
    const expired = this.#expired();
    for (const [key, { usedAt }] of this.#entries) {
      if (usedAt > expired) break;
      this.#entries.delete(key);
    }
  }

  /** Entries last used at this time or earlier have expired. */
  #expired(): number {
    return this.#ticks() - this.#bounds().ttlMs;
  }
}
