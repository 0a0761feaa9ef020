/**
 * Whether clients are transferring files at the moment, as their numbers show it.
 *
 * @module
 */
import { type Traffic, TRAFFIC_KINDS } from "./traffic.ts";

export class TrafficWatch {
  readonly #traffic: Traffic;
  readonly #ticks: () => number;
  #sum: number;
  /** The time at which somebody saw the numbers change, by `ticks`. */
  #changedAt: number;

  /** `ticks`: milliseconds since any moment. */
  constructor(traffic: Traffic, ticks: () => number) {
    this.#traffic = traffic;
    this.#ticks = ticks;
    this.#sum = this.#count();
    this.#changedAt = ticks();
  }

  /** The time since the last byte or file, in milliseconds, as far as it was seen: call it again and again. */
  get quietMs(): number {
    const sum = this.#count();
    if (sum !== this.#sum) [this.#sum, this.#changedAt] = [sum, this.#ticks()];
    return this.#ticks() - this.#changedAt;
  }

  #count(): number {
    let sum = 0;
    for (const [protocol, direction] of TRAFFIC_KINDS) {
      const { started, completed, bytes } = this.#traffic.of(protocol, direction);
      sum += started + completed + bytes;
    }
    return sum;
  }
}
