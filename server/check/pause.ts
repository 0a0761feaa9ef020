/**
 * Waiting that ends early.
 *
 * @module
 */
import { whenAborted } from "../../protocol/abort.ts";

/** Resolves after some milliseconds, or when the signal aborts. `Infinity`: only then. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** The longest time of a timer, in milliseconds. Settings can change meanwhile. */
const MAX_MS = 60 * 60_000;

export const pause: Pause = async (ms, signal) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _ended = whenAborted(signal, resolve);
  const timer = ms === Infinity ? undefined : setTimeout(resolve, Math.min(ms, MAX_MS));
  await promise;
  clearTimeout(timer);
};
