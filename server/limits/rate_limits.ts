/**
 * The rates at which clients may send and receive: of all together, and of each account. Each direction has the whole
 * rate.
 *
 * @module
 */
import type { Limits } from "./limits.ts";

/** The direction of bytes, as the server sees it. */
export type ByteDirection = "received" | "sent";

/**
 * The time after which unused bytes are lost, in milliseconds. It evens out short pauses, and no more can be sent at
 * once.
 */
const BURST_MS = 250;

/** A number of bytes per second. Bytes can be taken in advance: then the next ones wait. */
class ServedRate {
  readonly #ticks: () => number;
  readonly #rate: () => number;
  /** When everything that was taken is paid for. */
  #paidAt = -Infinity;

  /** `rate`: the current one, in bytes per second; 0: no limit. */
  constructor(rate: () => number, ticks: () => number) {
    this.#rate = rate;
    this.#ticks = ticks;
  }

  /** Whether everything that was taken is paid for. */
  get isPaid(): boolean {
    return this.#paidAt <= this.#ticks();
  }

  /** Takes bytes. Returns the time until they are paid for, in milliseconds. */
  take(bytes: number): number {
    const rate = this.#rate();
    if (rate === 0) return 0;
    const now = this.#ticks();
    this.#paidAt = Math.max(this.#paidAt, now - BURST_MS) + bytes / rate * 1000;
    return Math.max(0, this.#paidAt - now);
  }
}

/** The number of accounts from which on those without connections are forgotten at once. About 300 bytes each. */
const MAX_ACCOUNTS = 4096;

type Directions = Readonly<Record<ByteDirection, ServedRate>>;

/** The rates of one connection. */
export interface ConnectionRates extends Disposable {
  /** Takes bytes. Returns how long to wait, in milliseconds. */
  take(direction: ByteDirection, bytes: number): number;
}

interface AccountRates {
  readonly rates: Directions;
  /** The number of its connections. */
  connections: number;
}

export class RateLimits {
  readonly #limits: Limits;
  readonly #ticks: () => number;
  readonly #all: Directions;
  /** By account, while it has connections or has taken bytes in advance, so that it cannot escape by reconnecting. */
  readonly #accounts = new Map<string, AccountRates>();

  constructor(limits: Limits, ticks: () => number) {
    this.#limits = limits;
    this.#ticks = ticks;
    this.#all = this.#directions(() => this.#limits.maxRate);
  }

  /** The rates for a connection of an account, until they are disposed of. */
  of(account: string): ConnectionRates {
    const own = this.#accounts.get(account) ?? {
      rates: this.#directions(() => this.#limits.maxRatePerUser),
      connections: 0,
    };
    own.connections++;
    this.#accounts.set(account, own);
    if (this.#accounts.size > MAX_ACCOUNTS) this.sweep();
    let isOpen = true;
    return {
      take: (direction, bytes) =>
        Math.max(this.#all[direction].take(bytes), own.rates[direction].take(bytes)),
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        isOpen = false;
        own.connections--;
      },
    };
  }

  /** Forgets accounts without connections that owe nothing. */
  sweep(): void {
    for (const [account, { rates: { received, sent }, connections }] of this.#accounts) {
      if (connections === 0 && received.isPaid && sent.isPaid) this.#accounts.delete(account);
    }
  }

  #directions(rate: () => number): Directions {
    const of = () => new ServedRate(rate, this.#ticks);
    return { received: of(), sent: of() };
  }
}
