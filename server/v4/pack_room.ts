/**
 * The memory of packs that are not stored yet, of all connections together.
 *
 * @module
 */

/**
 * The most bytes of packs that wait in all connections together. While there are more, connections that have sent a pack
 * are not read. Each of them can have sent one beyond that.
 */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

export class PackRoom {
  #bytes = 0;
  #waiting: (() => void)[] = [];

  /** Counts bytes until the result is disposed of. */
  take(bytes: number): Disposable {
    this.#bytes += bytes;
    return {
      [Symbol.dispose]: () => {
        this.#bytes -= bytes;
        if (this.#isFull) return;
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const resume of waiting) resume();
      },
    };
  }

  /** Resolves when more packs can be read. */
  async free(): Promise<void> {
    while (this.#isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get #isFull(): boolean {
    return this.#bytes >= MAX_WAITING_BYTES;
  }
}
