/** A network that stands still where a test wants to look. */
import type { Meddler, Meddlers } from "./faulty_proxy.ts";

/** A network that lets some bytes through, and holds the others back until it is told to go on. */
export class Hold {
  readonly #released = Promise.withResolvers<void>();

  release(): void {
    this.#released.resolve();
  }

  /** Holds back what comes after so many bytes. */
  after(size: number): () => Meddler {
    let passed = 0;
    const released = this.#released.promise;
    return () =>
      async function* (bytes) {
        passed += bytes.length;
        if (passed > size) await released;
        yield bytes;
      };
  }

  /** Holds back what is answered to more bytes than these. */
  answersTo(size: number): Meddlers {
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
