/**
 * A map that forgets: entries that have not been used for a while, and the one unused for longest when it is full.
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
  /** In order of last use, oldest first. */
  readonly #entries = new Map<string, { readonly value: V; readonly usedAt: number }>();

  /** The bounds may change at any time; `ticks` tells milliseconds from any moment on. */
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

  /** The value, whose time starts anew. */
  get(key: string): V | undefined {
    const value = this.peek(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** The value, whose time goes on. */
  peek(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.usedAt > this.#expired() ? entry.value : undefined;
  }

  /** Keys and values, oldest first; what has expired is left out. */
  *entries(): Generator<[string, V]> {
    const expired = this.#expired();
    for (const [key, { value, usedAt }] of this.#entries) if (usedAt > expired) yield [key, value];
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets what has expired. */
  sweep(): void {
    const expired = this.#expired();
    for (const [key, { usedAt }] of this.#entries) {
      if (usedAt > expired) break;
      this.#entries.delete(key);
    }
  }

  /** What was last used then, or before, is forgotten. */
  #expired(): number {
    return this.#ticks() - this.#bounds().ttlMs;
  }
}
