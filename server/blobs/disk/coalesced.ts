/**
 * Work that is done once for all who request it before it begins.
 *
 * @module
 */
export class Coalesced {
  readonly #work: () => Promise<void>;
  readonly #onIdle: () => void;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `onIdle` is called when work has ended and no more was requested. */
  constructor(work: () => Promise<void>, onIdle: () => void = () => undefined) {
    this.#work = work;
    this.#onIdle = onIdle;
  }

  /** Resolves when work that began after this call is done. */
  run(): Promise<void> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<void> {
    await this.#running?.catch(() => undefined);
    // A later request may be for something that the work that begins now no longer sees.
    this.#running = this.#next;
    this.#next = undefined;
    try {
      await this.#work();
    } finally {
      if (this.#next === undefined) this.#onIdle();
    }
  }
}
