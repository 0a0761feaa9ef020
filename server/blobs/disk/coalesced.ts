/**
 * Work that serves all who ask for it before it begins.
 *
 * @module
 */
export class Coalesced {
  readonly #work: () => Promise<void>;
  readonly #onIdle: () => void;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `onIdle` is told where none is to follow what has ended. */
  constructor(work: () => Promise<void>, onIdle: () => void = () => undefined) {
    this.#work = work;
    this.#onIdle = onIdle;
  }

  /** Resolves when work is done that has begun after this call. */
  run(): Promise<void> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<void> {
    await this.#running?.catch(() => undefined);
    // Who asks from here on may ask for something that the work which begins now does not see any more.
    this.#running = this.#next;
    this.#next = undefined;
    try {
      await this.#work();
    } finally {
      if (this.#next === undefined) this.#onIdle();
    }
  }
}
