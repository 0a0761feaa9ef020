/**
 * How long a server is waited for: for so long where it says nothing, and for no longer in all than what comes is worth.
 *
 * @module
 */

/**
 * Bytes a second that a server takes or sends on average, once the time that it may be silent is used up: one that drips
 * bytes is given up. It is what a server asks of its clients; the slowest links in use are faster.
 */
export const MIN_RATE = 1024;
/**
 * Where an answer has several messages there may be work to do before each, such as a file to be read. But in all no more
 * than so many times the time that it may be silent.
 */
const RESERVE = 30;
/** A timer may end so much too early, in milliseconds. */
const TIMER_MS = 2;

/** Counts the time that is spent waiting for a server; time that the client takes itself does not count. */
export class ResponseDeadline {
  readonly #graceMs: number;
  readonly #now: () => number;
  /** Milliseconds: what is left; what messages may still add; since when, of the time that counts, nothing has come. */
  #left: number;
  #reserve: number;
  #silence = 0;
  /** Up to when time was counted. */
  #at: number;
  #pauses = 0;

  /** `graceMs`: how long the server may be silent, in milliseconds. */
  constructor(graceMs: number, now: () => number = () => performance.now()) {
    this.#graceMs = graceMs;
    this.#now = now;
    this.#left = graceMs;
    this.#reserve = RESERVE * graceMs;
    this.#at = now();
  }

  /** All that was waited for has come, or there was nothing: what is waited for next has the full time. */
  renew(): void {
    this.#count();
    this.#left = this.#graceMs;
    this.#reserve = RESERVE * this.#graceMs;
    this.#silence = 0;
  }

  /** A part of what is waited for has come whole, and more is to come. */
  renewFromReserve(): void {
    this.#count();
    const used = Math.min(this.#graceMs - this.#left, this.#reserve);
    this.#left += used;
    this.#reserve -= used;
    this.#silence = 0;
  }

  /** The server is not silent, and has taken or sent so many bytes: what is quicker now is no credit for hours of dripping later. */
  credit(bytes: number): void {
    this.#count();
    this.#left = Math.min(this.#graceMs, this.#left + bytes / MIN_RATE * 1000);
    this.#silence = 0;
  }

  /** It is the client that is waited for; several things may be, at once. */
  pause(): void {
    this.#count();
    this.#pauses++;
  }

  resume(): void {
    this.#count();
    this.#pauses--;
  }

  /** Milliseconds for which the server is still waited for; 0 or less where it is given up. */
  get left(): number {
    this.#count();
    return this.#left;
  }

  /** Whether the server has been silent for as long as it may be; else it was given up for being slow. */
  get isSilent(): boolean {
    return this.#silence >= this.#graceMs - TIMER_MS;
  }

  #count(): void {
    const now = this.#now();
    if (this.#pauses === 0) {
      this.#left -= now - this.#at;
      this.#silence += now - this.#at;
    }
    this.#at = now;
  }
}
