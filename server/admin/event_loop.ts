/**
 * How late the event loop is. Everything that blocks it delays every client.
 *
 * @module
 */

/** The interval of measurements, in milliseconds. */
const EVERY_MS = 100;

export class EventLoopDelay implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #sum = 0;
  #count = 0;
  #max = 0;

  constructor(ticks: () => number = () => performance.now()) {
    let last = ticks();
    this.#timer = setInterval(() => {
      const now = ticks();
      const delay = Math.max(0, now - last - EVERY_MS);
      last = now;
      this.#sum += delay;
      this.#count++;
      this.#max = Math.max(this.#max, delay);
    }, EVERY_MS);
  }

  /** The mean and the longest delay since the last call, in milliseconds. */
  take(): { readonly mean: number; readonly max: number } {
    const taken = { mean: this.#count === 0 ? 0 : this.#sum / this.#count, max: this.#max };
    this.#sum = this.#count = this.#max = 0;
    return taken;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
