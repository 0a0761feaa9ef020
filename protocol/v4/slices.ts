/**
 * Computations whose length depends on a peer, in slices, so that signals and other peers are handled in between.
 *
 * @module
 */

/** A computation that yields after each slice and returns its result. */
export type Sliced<T> = Generator<void, T, void>;

/** Runs a computation. Calls `pause` between two slices. An error of `pause` ends the computation. */
export async function inSlices<T>(work: Sliced<T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await pause();
  }
}

/** Runs a computation at once. Only for short ones. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
