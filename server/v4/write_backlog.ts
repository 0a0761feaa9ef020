/**
 * Chunks of a connection that are being written. Their number is bounded, so that a peer that is faster than the disk
 * waits.
 *
 * @module
 */

/** The most bytes of a connection that wait. One more chunk can be in transit when the bound is reached. */
const MOST = 4 * 1024 * 1024;
/** The most bytes of all connections together, but at least one chunk of each. */
const MOST_IN_ALL = 24 * 1024 * 1024;
const LEAST = 1024 * 1024;

export class WriteBacklog {
  readonly #count: () => number;
  #bytes = 0;
  #wake: (() => void) | undefined;

  /** `count`: the number of uploads in progress on all connections. */
  constructor(count: () => number) {
    this.#count = count;
  }

  /** Counts bytes until `written` resolves, which must not reject. */
  add(size: number, written: Promise<void>): void {
    this.#bytes += size;
    written.then(() => {
      this.#bytes -= size;
      this.#wake?.();
    });
  }

  /** Resolves when more can be written. Only one caller can wait at a time. */
  async makeRoom(): Promise<void> {
    const share = Math.floor(MOST_IN_ALL / Math.max(1, this.#count()));
    await this.#below(Math.max(LEAST, Math.min(MOST, share)) + 1);
  }

  /** Resolves when everything is written. */
  async settle(): Promise<void> {
    await this.#below(1);
  }

  async #below(size: number): Promise<void> {
    while (this.#bytes >= size) await new Promise<void>((resolve) => this.#wake = resolve);
  }
}
