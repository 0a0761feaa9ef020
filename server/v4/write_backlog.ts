/**
 * What a connection has received and the disk has not taken: bounded, so that a peer that is faster than the disk waits.
 *
 * @module
 */

/** Bytes of a connection that may wait; one chunk more is on its way when that is reached. */
const MOST = 4 * 1024 * 1024;
/** What many files at once have together; each connection has a chunk all the same. */
const MOST_IN_ALL = 24 * 1024 * 1024;
const LEAST = 1024 * 1024;

export class WriteBacklog {
  readonly #count: () => number;
  #bytes = 0;
  #wake: (() => void) | undefined;

  /** `count`: how many files are on their way in at the moment, of all connections. */
  constructor(count: () => number) {
    this.#count = count;
  }

  /** Takes note of bytes that are being written; `written` does not reject. */
  add(size: number, written: Promise<void>): void {
    this.#bytes += size;
    written.then(() => {
      this.#bytes -= size;
      this.#wake?.();
    });
  }

  /** Resolves when more may come. One waits at a time. */
  async makeRoom(): Promise<void> {
    const share = Math.floor(MOST_IN_ALL / Math.max(1, this.#count()));
    await this.#below(Math.max(LEAST, Math.min(MOST, share)) + 1);
  }

  /** Resolves when all is written. */
  async settle(): Promise<void> {
    await this.#below(1);
  }

  async #below(size: number): Promise<void> {
    while (this.#bytes >= size) await new Promise<void>((resolve) => this.#wake = resolve);
  }
}
