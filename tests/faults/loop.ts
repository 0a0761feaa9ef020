/** How long a loop goes on, what chance it has, and what it counts. */
import { Dice } from "../support/v3/fuzz.ts";

export interface Bounds {
  readonly seed?: number;
  /** At most so many rounds. */
  readonly rounds?: number;
  /** No round is begun after this time, in milliseconds since the epoch. */
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

  /** Whether another round may begin, which it does then. */
  next(): boolean {
    if (this.#begun >= this.#rounds || Date.now() >= this.#until) {
      this.#curtailed = true;
      return false;
    }
    this.#begun++;
    return true;
  }

  /** Rounds that were begun. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether there was more to do than its bounds let it do. */
  get isCurtailed(): boolean {
    return this.#curtailed;
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** Runs the loop's work; what goes wrong is told with the seed. */
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
   * Does something at every `every`th call of a run, from one of the first on that the seed decides, several side by side,
   * until it was not reached any more.
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

  /** The items in an order that the seed decides. */
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
