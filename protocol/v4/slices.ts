/**
 * Computations whose length a peer decides, done in slices: signals and other peers get their turn in between.
 *
 * @module
 */

/** A computation that yields after each slice and returns its result. */
export type Sliced<T> = Generator<void, T, void>;

/** Runs a computation. Calls `pause` between two slices; an error of `pause` ends it. */
export async function inSlices<T>(work: Sliced<T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await pause();
  }
}

/** Runs a computation at once. Only for one that is known to be short. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
