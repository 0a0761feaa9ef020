/**
 * The memory for parts that are being filled or sent, of all uploads together.
 *
 * @module
 */

/** The most bytes of parts in memory. Further uploads wait for a part of another. */
export const MOST_PART_BYTES = 256 * 1024 * 1024;
/** The share of it for small files that wait for their client's verdict. */
const WAITING_SHARE = 1 / 4;

interface Waiter {
  readonly bytes: number;
  readonly start: () => void;
}

export class PartMemory {
  readonly #most: number;
  #taken = 0;
  /** Bytes of small files that are closed but not finished. */
  #waiting = 0;
  /** In order of arrival. Each upload waits for at most one part. */
  readonly #queue: Waiter[] = [];

  constructor(most: number = MOST_PART_BYTES) {
    this.#most = most;
  }

  /** The number of bytes taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes memory, if necessary after others have given it back. Rejects when the signal is aborted. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#queue.length === 0 && this.#fits(bytes)) return void (this.#taken += bytes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { bytes, start: resolve };
    const leave = () => {
      const index = this.#queue.indexOf(waiter);
      if (index < 0) return;
      this.#queue.splice(index, 1);
      reject(signal.reason);
      this.#admit();
    };
    this.#queue.push(waiter);
    signal.addEventListener("abort", leave);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  give(bytes: number): void {
    this.#taken -= bytes;
    this.#admit();
  }

  /** Lets a closed upload keep its bytes in memory, if its share is not used up. Then `endWaiting` must follow. */
  mayWait(bytes: number): boolean {
    if (this.#waiting + bytes > this.#most * WAITING_SHARE) return false;
    this.#waiting += bytes;
    return true;
  }

  endWaiting(bytes: number): void {
    this.#waiting -= bytes;
  }

  /** A part larger than all memory is accepted when it is the only one. */
  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#most;
  }

  #admit(): void {
    for (let next = this.#queue[0]; next && this.#fits(next.bytes); next = this.#queue[0]) {
      this.#queue.shift();
      this.#taken += next.bytes;
      next.start();
    }
  }
}
