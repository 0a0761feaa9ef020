/** A loop with its bounds, its dice, and its counts. */
import { Dice } from "../support/v3/fuzz.ts";

export interface Bounds {
  readonly seed?: number;
  /** Maximum number of rounds. */
  readonly rounds?: number;
  /** Time after which no round starts, in milliseconds since the epoch. */
  readonly until?: number;
}

export class Loop {
  readonly seed: number;
  readonly dice: Dice;
  readonly counts = new Map<string, number>();
  readonly #rounds: number;
  readonly #until: number;
  #begun = 0;
  #curtailed = false;

  constructor({ seed, rounds = Infinity, until = Infinity }: Bounds) {
    this.seed = seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    this.dice = new Dice(this.seed);
    this.#rounds = rounds;
    this.#until = until;
  }

  /** Starts another round, if the bounds allow it. Returns whether they do. */
  next(): boolean {
    if (this.#begun >= this.#rounds || Date.now() >= this.#until) {
      this.#curtailed = true;
      return false;
    }
    this.#begun++;
    return true;
  }

  /** The number of started rounds. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether the bounds ended the loop before its work was done. */
  get isCurtailed(): boolean {
    return this.#curtailed;
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** Runs the loop's work. Errors name the seed. */
  async run(work: (loop: Loop) => Promise<void>): Promise<this> {
    try {
      await work(this);
      return this;
    } catch (error) {
      const reason = error instanceof Error ? error.stack : String(error);
      throw new Error(`seed ${this.seed}, round ${this.#begun}: ${reason}`, { cause: error });
    }
  }

  /**
   * The numbers of calls of a run, from 1: all, without an end, or a sample of about `sample` of `calls`, at equal
   * distances. The seed chooses the first one.
   */
  *callsOf(calls = Infinity, sample = Infinity): Generator<number> {
    const every = sample === Infinity ? 1 : Math.max(1, Math.floor(calls / sample));
    for (let at = 1 + this.dice.roll(every); at <= calls && this.next(); at += every) yield at;
  }

  /**
   * Does something at every `every`th call of a run, from one of the first calls on, until the call is not reached. The
   * seed chooses the first call. Several run side by side.
   */
  async atCalls(
    { every, sideBySide }: { readonly every: number; readonly sideBySide: number },
    reaches: (at: number) => Promise<boolean>,
  ): Promise<void> {
    let next = 1 + this.dice.roll(every);
    let reachedEnd = false;
    const lane = async () => {
      while (!reachedEnd && this.next()) {
        const at = next;
        next += every;
        if (!(await reaches(at))) reachedEnd = true;
      }
    };
    await Promise.all(Array.from({ length: sideBySide }, lane));
  }

  /** The items in an order chosen by the seed. */
  shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let left = shuffled.length; left > 1; left--) {
      const other = this.dice.roll(left);
      const last = shuffled[left - 1] as T;
      shuffled[left - 1] = shuffled[other] as T;
      shuffled[other] = last;
    }
    return shuffled;
  }
}
