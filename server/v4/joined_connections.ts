/**
 * The other connections of a client that send chunks of one upload.
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

  /** Resolves when no connection is left, or after `abandon`. Only one caller can wait at a time. */
  async none(): Promise<void> {
    if (this.#count === 0 || this.#isAbandoned) return;
    await new Promise<void>((resolve) => this.#onNone = resolve);
  }

  /** Ends the wait for the connections. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#onNone?.();
  }
}
