/**
 * Retries after network failures.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { XferError } from "../../protocol/errors.ts";
import { sleep } from "./graceful_abort.ts";

/**
 * The default number of retries: half a minute to a minute, longer than another server needs to take over from one that has
 * died.
 */
export const DEFAULT_RETRIES = 6;

/** The longest first wait, in milliseconds. It doubles with each retry. The shortest is half of it. */
const BACKOFF_BASE_MS = 1000;

/** The longest wait, in milliseconds, so that a network that is back is noticed within a minute. */
const BACKOFF_CAP_MS = 60_000;

/** Retries after network failures, with exponential backoff up to a minute. */
export interface RetryOptions {
  /** The most retries without progress in between; default {@link DEFAULT_RETRIES}, 0 for none. */
  readonly retries?: number;
  /** Called before each wait. */
  readonly onRetry?: (retry: Retry) => void;
  /** Waits for a number of milliseconds; replaces the default in tests. */
  readonly pause?: (ms: number) => Promise<void>;
  /** Returns a number from 0 up to but not including 1; default `Math.random`. */
  readonly random?: () => number;
}

/** The task's own part in its retries. */
export interface RetriedTask extends Abortable {
  /** Whether not to retry after a network error; called with each. */
  readonly isFinal?: (error: XferError) => boolean;
  /** A number that grows with progress. Retries count from 1 again after it has grown. */
  readonly progress?: () => number;
}

/** A retry about to happen. */
export interface Retry {
  /** Counted from 1; starts again after progress. */
  readonly retry: number;
  /** The most retries without progress. */
  readonly retries: number;
  /** The wait before it, in milliseconds. */
  readonly delayMs: number;
  /** The network failure. */
  readonly error: XferError;
}

/**
 * Runs a task, and again after a network error while retries are left. Throws the last error; after an abort, the
 * task's own, or `InterruptedError` from a wait.
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
      // Not `retry > retries`: NaN must not retry forever.
      if (!ofNetwork || !(retry <= retries) || signal?.aborted === true) throw error;
      if (isFinal?.(error)) throw error;
      const delayMs = backoffMs(retry, random);
      onRetry?.({ retry, retries, delayMs, error });
      await (pause === undefined ? sleep(delayMs, signal) : pause(delayMs));
    }
  }
}

/** Exponential. Half of it is random, so that clients that lost the same server don't come back all at once. */
function backoffMs(retry: number, random: () => number): number {
  const most = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (retry - 1));
  return Math.floor((0.5 + random() / 2) * most);
}
