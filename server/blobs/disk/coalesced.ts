/**
 * Work that runs once for all callers that request it before it begins.
 *
 * @module
 */
export class Coalesced {
  readonly #work: () => Promise<void>;
  readonly #onIdle: () => void;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `onIdle`: called when work has ended and none was requested in the meantime. */
  constructor(work: () => Promise<void>, onIdle: () => void = () => undefined) {
    this.#work = work;
    this.#onIdle = onIdle;
  }

  /** Resolves when a run of the work that began after this call has ended. */
  run(): Promise<void> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<void> {
    await this.#running?.catch(() => undefined);
    // The run that begins now does not see the changes of later callers.
    this.#running = this.#next;
    this.#next = undefined;
    try {
      await this.#work();
    } finally {
      if (this.#next === undefined) this.#onIdle();
    }
  }
}
