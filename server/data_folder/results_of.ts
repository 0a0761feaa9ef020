/**
 * Work for a sequence of items, a few at a time.
 *
 * @module
 */

/**
 * Does work for all items, at most `atOnce` at a time, and yields each result when it is there. After a failure, begins no
 * more, waits for the work in progress, and throws it.
 */
export async function* resultsOf<T, R>(
  items: AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const inProgress = new Set<Promise<R>>();
  const next = async () => {
    const { own, result } = await Promise.race(
      [...inProgress].map((own) => own.then((result) => ({ own, result }))),
    );
    inProgress.delete(own);
    return result;
  };
  try {
    for await (const item of items) {
      const result = work(item);
      result.catch(() => undefined); // thrown when its turn comes
      inProgress.add(result);
      if (inProgress.size >= atOnce) yield await next();
    }
    while (inProgress.size > 0) yield await next();
  } finally {
    await Promise.allSettled(inProgress);
  }
}
