/**
 * Failed sign-ins of an address: after some, each further one is answered later, and after many, the address cannot sign
 * in for a while. A whole lab can share an address, and clients of protocol 3 fail once after their server has lost them.
 *
 * @module
 */
import { TtlMap } from "../ttl_map.ts";
import { LimitError, type Limits } from "./limits.ts";

/** Failures that are answered at once. */
const FREE_FAILURES = 10;
/** The delay of the next one, in milliseconds. Each further one takes twice as long. */
const FIRST_DELAY_MS = 50;
const MAX_DELAY_MS = 2000;

export class FailedSignIns {
  readonly #limits: Limits;
  /** The numbers of failures by address. They are forgotten some time after the last one. */
  readonly #counts: TtlMap<number>;

  constructor(limits: Limits, ticks: () => number) {
    this.#limits = limits;
    const bounds = () => ({ ttlMs: limits.signInBanMs, max: limits.maxAddresses });
    this.#counts = new TtlMap(bounds, ticks);
  }

  /** Throws `LimitError` if the address has failed too often. */
  check(origin: string): void {
    const { maxFailedSignIns } = this.#limits;
    if ((this.#counts.peek(origin) ?? 0) < maxFailedSignIns) return;
    throw new LimitError("maxFailedSignIns", maxFailedSignIns);
  }

  /** Counts a failure. Resolves when it should be answered. */
  async fail(origin: string): Promise<void> {
    if (this.#limits.maxFailedSignIns === Infinity) return;
    const count = (this.#counts.peek(origin) ?? 0) + 1;
    this.#counts.set(origin, count);
    const ms = delayOf(count);
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Forgets addresses whose time is over. */
  sweep(): void {
    this.#counts.sweep();
  }
}

/** The delay of the answer to the nth failure, in milliseconds. */
export function delayOf(count: number): number {
  if (count <= FREE_FAILURES) return 0;
  return Math.min(FIRST_DELAY_MS * 2 ** (count - FREE_FAILURES - 1), MAX_DELAY_MS);
}
