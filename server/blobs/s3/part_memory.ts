/**
 * The memory for parts that are being filled or sent, of all uploads together.
 *
 * @module
 */
import { FairBudget } from "./fair_budget.ts";

/** The most bytes of parts in memory. Further uploads wait, each for at most one part. */
const MOST_PART_BYTES = 256 * 1024 * 1024;
/** The share of it for small files that wait for their client's verdict. */
const WAITING_SHARE = 1 / 4;

export class PartMemory extends FairBudget {
  readonly #mostWaiting: number;
  /** Bytes of small files that are closed but not finished. */
  #waiting = 0;

  constructor(most: number = MOST_PART_BYTES) {
    super(most);
    this.#mostWaiting = most * WAITING_SHARE;
  }

  /** Lets a closed upload keep its bytes in memory, if its share is not used up. Then `endWaiting` must follow. */
  mayWait(bytes: number): boolean {
    if (this.#waiting + bytes > this.#mostWaiting) return false;
    this.#waiting += bytes;
    return true;
  }

  endWaiting(bytes: number): void {
    this.#waiting -= bytes;
  }
}
