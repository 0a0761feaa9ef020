/**
 * The further connections of a client that bring chunks of one upload.
 *
 * @module
 */
export class JoinedConnections {
  #count = 0;
  #isAbandoned = false;
  #onNone: (() => void) | undefined;

  join(): void {
    this.#count++;
  }

  leave(): void {
    if (--this.#count === 0) this.#onNone?.();
  }

  /** Resolves when none is left, or they are not waited for any longer. One waits at a time. */
  async none(): Promise<void> {
    if (this.#count === 0 || this.#isAbandoned) return;
    await new Promise<void>((resolve) => this.#onNone = resolve);
  }

  /** Waits for none of them from now on. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#onNone?.();
  }
}
