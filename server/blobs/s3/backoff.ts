/**
 * When a failed request to an object store is repeated, and for how long.
 *
 * @module
 */
import { reasonOf, UnavailableError } from "../../../protocol/errors.ts";

export interface RetryPolicy {
  /** No request is repeated later than this after its first attempt, in milliseconds. */
  readonly retryForMs: number;
  /** About the first pause, in milliseconds. Each further one is twice as long. */
  readonly firstPauseMs: number;
  /** The longest pause, in milliseconds; also if the store asks for a longer one. */
  readonly longestPauseMs: number;
}

/** Survives the failover of a store, and ends before clients give up. */
export const RETRY_POLICY: RetryPolicy = {
  retryForMs: 30_000,
  firstPauseMs: 100,
  longestPauseMs: 5_000,
};

/** A failure after which the same request may succeed. */
export class TransientFailure extends Error {
  /** The pause that the store asks for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.name = "TransientFailure";
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The pauses between the attempts of one request. */
export class Backoff {
  readonly #policy: RetryPolicy;
  /** The beginning of the first attempt, or the first failure after progress. */
  #since: number | undefined = performance.now();
  #failures = 0;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** An attempt has brought the work forward: the time begins again with the next failure. */
  progress(): void {
    this.#since = undefined;
    this.#failures = 0;
  }

  /**
   * Waits before the next attempt. Throws errors that are not transient, `UnavailableError` `unavailable` if the time
   * is over, and the reason of the signal.
   */
  async pause(failure: unknown, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!(failure instanceof TransientFailure)) throw failure;
    const { retryForMs, firstPauseMs, longestPauseMs } = this.#policy;
    const doubled = firstPauseMs * 2 ** this.#failures++;
    // Servers that have failed together must not try again together.
    const jittered = Math.min(doubled, longestPauseMs) * (0.5 + Math.random() / 2);
    const ms = Math.min(Math.max(jittered, failure.retryAfterMs ?? 0), longestPauseMs);
    this.#since ??= performance.now();
    if (performance.now() + ms - this.#since > retryForMs) {
      throw new UnavailableError(
        "unavailable",
        `the object store does not answer: ${reasonOf(failure)}`,
        { cause: failure },
      );
    }
    await pause(ms, signal);
  }
}

/** Resolves after some milliseconds, or rejects when the signal is aborted. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}
