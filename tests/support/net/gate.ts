/** A network that the test can stop. */
import type { Fault, Faults } from "./faulty_proxy.ts";

/** A network that lets some bytes through, and holds the others until it is released. */
export class GateHold {
  readonly #released = Promise.withResolvers<void>();

  release(): void {
    this.#released.resolve();
  }

  /** Holds everything after this number of bytes. */
  after(size: number): () => Fault {
    let passed = 0;
    const released = this.#released.promise;
    return () =>
      async function* (bytes) {
        passed += bytes.length;
        if (passed > size) await released;
        yield bytes;
      };
  }

  /** Holds the answers to anything after this number of bytes. */
  answersTo(size: number): Faults {
    let passed = 0;
    const released = this.#released.promise;
    return {
      up: () => (bytes) => {
        passed += bytes.length;
        return [bytes];
      },
      down: () =>
        async function* (bytes) {
          if (passed > size) await released;
          yield bytes;
        },
    };
  }
}
