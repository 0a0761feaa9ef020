/**
 * Computations whose length a peer decides, done in slices: between two of them signals and other peers have their turn.
 *
 * @module
 */

/** Yields where a slice ends, and returns what it comes to. */
export type Sliced<T> = Generator<void, T, void>;

/** What comes of a computation. `pause` is called between two slices; what it throws ends it. */
export async function inSlices<T>(work: Sliced<T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await pause();
  }
}

/** The same in one go, for what is known to be short. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
