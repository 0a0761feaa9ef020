/**
 * The deadline for a server's answer. It limits silence, and the total time by the amount of data.
 *
 * @module
 */

/**
 * The lowest average rate of a server, in bytes per second, once its grace period is used up, so that the client does
 * not wait for a server that trickles bytes. Servers demand the same rate of clients. The slowest links in use are
 * faster.
 */
export const MIN_RATE = 1024;
/**
 * The most grace periods that the messages of one answer can add. The server may have work to do before each message,
 * such as reading a file.
 */
const RESERVE = 30;
/** A timer may fire early by this many milliseconds. */
const TIMER_MS = 2;

/** Counts the time that is spent waiting for the server. Time that the client needs itself does not count. */
export class ResponseDeadline {
  readonly #graceMs: number;
  readonly #now: () => number;
  /**
   * In milliseconds: the time left; the time that messages may still add; the counted time since the server was last
   * heard.
   */
  #left: number;
  #reserve: number;
  #silence = 0;
  /** The time of the last count. */
  #at: number;
  #pauses = 0;

  /** `graceMs`: the longest allowed silence, in milliseconds. */
  constructor(graceMs: number, now: () => number = () => performance.now()) {
    this.#graceMs = graceMs;
    this.#now = now;
    this.#left = graceMs;
    this.#reserve = RESERVE * graceMs;
    this.#at = now();
  }

  /** Everything awaited has arrived. The next answer gets the full time. */
  renew(): void {
    this.#count();
    this.#left = this.#graceMs;
    this.#reserve = RESERVE * this.#graceMs;
    this.#silence = 0;
  }

  /** A complete message of an answer has arrived, and more are expected. */
  renewFromReserve(): void {
    this.#count();
    const used = Math.min(this.#graceMs - this.#left, this.#reserve);
    this.#left += used;
    this.#reserve -= used;
    this.#silence = 0;
  }

  /**
   * The server has taken or sent bytes. Fast transfers earn at most the grace period, so they cannot make up for hours
   * of trickling.
   */
  credit(bytes: number): void {
    this.#count();
    this.#left = Math.min(this.#graceMs, this.#left + bytes / MIN_RATE * 1000);
    this.#silence = 0;
  }

  /** The server waits for the client. Pauses may overlap. */
  pause(): void {
    this.#count();
    this.#pauses++;
  }

  resume(): void {
    this.#count();
    this.#pauses--;
  }

  /** Milliseconds until the client stops waiting for the server; 0 or less if it should stop now. */
  get left(): number {
    this.#count();
    return this.#left;
  }

  /** Whether the server was silent for the whole grace period. Otherwise it was too slow. */
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
