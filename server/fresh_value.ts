/**
 * A value that takes work to read, and is used again for a while.
 *
 * @module
 */

export class FreshValue<T> {
  readonly #load: () => Promise<T>;
  readonly #freshMs: number;
  readonly #ticks: () => number;
  #last: { readonly at: number; readonly value: Promise<T> } | undefined;

  /** `freshMs`: the age up to which the value is used again. `ticks`: milliseconds since any moment. */
  constructor(load: () => Promise<T>, freshMs: number, ticks: () => number) {
    this.#load = load;
    this.#freshMs = freshMs;
    this.#ticks = ticks;
  }

  /** The value, at most `maxAgeMs` milliseconds old. If reading fails, the next call tries again. */
  read(maxAgeMs = this.#freshMs): Promise<T> {
    const last = this.#last;
    if (last === undefined || this.#ticks() - last.at > maxAgeMs) return this.readNow();
    return last.value;
  }

  /** The value as it is now. */
  readNow(): Promise<T> {
    const last = { at: this.#ticks(), value: this.#load() };
    this.#last = last;
    last.value.catch(() => {
      if (this.#last === last) this.#last = undefined;
    });
    return last.value;
  }

  /** Something has changed: the next call reads the value again. */
  forget(): void {
    this.#last = undefined;
  }
}
