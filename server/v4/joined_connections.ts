/**
 * The further connections of a client that bring chunks of one upload.
 *
 * @module
 */
export class JoinedConnections {
  #count = 0;
  #onNone: (() => void) | undefined;

  join(): void {
    this.#count++;
  }

  leave(): void {
    if (--this.#count === 0) this.#onNone?.();
  }

  /** Resolves when none is left, or they are not waited for any longer. One waits at a time. */
  async none(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#onNone = resolve);
  }

  /** Waits for none of them. */
  abandon(): void {
    this.#onNone?.();
  }
}
