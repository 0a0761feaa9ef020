/**
 * Pieces of a stream whose first stage is done side by side, and whose second in their order.
 *
 * @module
 */
export class InOrder {
  /** The pieces in flight, oldest first. Each ends when all before it have. */
  readonly #inFlight: Promise<void>[] = [];

  /** Takes a piece on: `finish` gets what `begun` comes to, when all pieces before are finished. */
  add<T>(begun: Promise<T>, finish: (result: T) => Promise<void>): void {
    const before = this.#inFlight.at(-1);
    const finished = (async () => {
      await before;
      await finish(await begun);
    })();
    // They are awaited in their turn; until then their failures are not to count as unhandled.
    finished.catch(() => undefined);
    begun.catch(() => undefined);
    this.#inFlight.push(finished);
  }

  /** Resolves when fewer than `max` pieces are in flight. Throws what has failed. */
  async makeRoom(max: number): Promise<void> {
    while (this.#inFlight.length >= max) await this.#inFlight.shift();
  }

  /** Resolves when all are finished. Throws what has failed. */
  async end(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Resolves when nothing is in flight any more, however it went. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }
}
