/**
 * Runs `jobs`, at most `atOnce` at a time, and yields their results in the order of the jobs. For jobs that mostly
 * wait. When one fails, those in progress end before it throws.
 */
export async function* sideBySide<T>(
  jobs: readonly (() => Promise<T>)[],
  atOnce: number,
): AsyncGenerator<T, void, void> {
  const started: Promise<T>[] = [];
  try {
    for (let done = 0; done < jobs.length; done++) {
      for (const job of jobs.slice(started.length, done + atOnce)) started.push(job());
      yield await (started[done] as Promise<T>);
    }
  } finally {
    await Promise.allSettled(started);
  }
}
