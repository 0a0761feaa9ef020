/**
 * Trying again after trouble with the network.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { XferError } from "../../protocol/errors.ts";
import { sleep } from "./graceful_abort.ts";

/** Retries by default: about a quarter of a minute on average. A server that restarts is back by then. */
export const DEFAULT_RETRIES = 5;

/** The first wait takes up to this many milliseconds; each further one up to twice as long. */
const BACKOFF_BASE_MS = 1000;

/** No wait is longer, in milliseconds: when a network comes back, it is noticed within a minute. */
const BACKOFF_CAP_MS = 60_000;

/** When to try again after a network failure: with exponential backoff, up to a minute. */
export interface RetryOptions {
  /** How often to retry when the network fails without progress in between; default 5, 0 is never. */
  readonly retries?: number;
  /** Called before each wait. */
  readonly onRetry?: (retry: Retry) => void;
  /** Waits for a number of milliseconds; replaces the default in tests. */
  readonly pause?: (ms: number) => Promise<void>;
  /** Returns a number from 0 up to but not including 1; default `Math.random`. */
  readonly random?: () => number;
}

/** What the task, rather than the user, says of its retries. */
export interface RetriedTask extends Abortable {
  /** Whether a network error is not worth a retry; called with each. */
  readonly isFinal?: (error: XferError) => boolean;
  /** A number that grows with what is done for good: the first failure after it has grown counts as the first. */
  readonly progress?: () => number;
}

/** A retry to come. */
export interface Retry {
  /** Counted from 1; starts again after progress. */
  readonly retry: number;
  /** The most retries without progress. */
  readonly retries: number;
  /** How long it waits first, in milliseconds. */
  readonly delayMs: number;
  /** The network failure. */
  readonly error: XferError;
}

/**
 * Runs a task, and again while it fails with a network error and retries are left. Throws the last error; after an
 * abort, the task's own, or `InterruptedError` from a wait.
 */
export async function withRetries<T>(
  task: () => Promise<T>,
  { retries = DEFAULT_RETRIES, onRetry, pause, random = Math.random }: RetryOptions,
  { isFinal, progress = () => 0, signal }: RetriedTask,
): Promise<T> {
  let reached = progress();
  for (let retry = 1;; retry++) {
    try {
      throwIfAborted(signal);
      return await task();
    } catch (error) {
      const now = progress();
      if (now > reached) retry = 1;
      reached = now;
      const ofNetwork = error instanceof XferError && error.category === "network";
      // Not `retry > retries`: what is no number must not retry for ever.
      if (!ofNetwork || !(retry <= retries) || signal?.aborted === true) throw error;
      if (isFinal?.(error)) throw error;
      const delayMs = backoffMs(retry, random);
      onRetry?.({ retry, retries, delayMs, error });
      await (pause === undefined ? sleep(delayMs, signal) : pause(delayMs));
    }
  }
}

/** Exponential, with full jitter: clients that lost their server together don't come back together. */
function backoffMs(retry: number, random: () => number): number {
  return Math.floor(random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (retry - 1)));
}
