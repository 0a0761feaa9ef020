/**
 * Work for many items, a few at a time.
 *
 * @module
 */

/** The number of contents that are copied at a time if each request crosses a network. */
export const COPIED_AT_A_TIME = 8;

/** Runs work for all items, at most `atOnce` at a time. After a failure, begins no more, and throws it. */
export async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  let failed = false;
  const workers = Array.from({ length: atOnce }, async () => {
    for (const item of rest) {
      if (failed) return;
      await work(item).catch((error) => {
        failed = true;
        throw error;
      });
    }
  });
  for (const result of await Promise.allSettled(workers)) {
    if (result.status === "rejected") throw result.reason;
  }
}
