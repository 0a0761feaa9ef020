/**
 * Ends work cleanly after an abort: nothing new starts, a pending answer gets a short time to arrive, and everything
 * else ends at once.
 *
 * @module
 */
import { abortReason, throwIfAborted, whenAborted } from "../../protocol/abort.ts";
import type { XferError } from "../../protocol/errors.ts";

/** The time to wait for a pending answer after an abort, in milliseconds. */
const ABORT_GRACE_MS = 3000;

/** Resolves after a number of milliseconds. Throws `InterruptedError` `interrupted` as soon as the signal aborts. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  using _ended = whenAborted(signal, resolve);
  await promise;
  clearTimeout(timer);
  throwIfAborted(signal);
}

/**
 * Ends something, such as a connection, when a signal aborts: at once, or after a grace period if an answer is pending.
 */
export class GracefulAbort implements Disposable {
  readonly #signal: AbortSignal | undefined;
  readonly #end: (reason: XferError) => void;
  readonly #listening: Disposable;
  /** The number of pending answers. */
  #due = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #disposed = false;

  constructor(signal: AbortSignal | undefined, end: (reason: XferError) => void) {
    this.#signal = signal;
    this.#end = end;
    this.#listening = whenAborted(signal, () => this.#stop());
  }

  /** Whether the signal has aborted. */
  get isAborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /** Throws `InterruptedError` `interrupted` after an abort. */
  check(): void {
    throwIfAborted(this.#signal);
  }

  /** Lets signals arrive between two slices of a long computation. Throws `InterruptedError` after an abort. */
  async yieldToSignals(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.check();
  }

  /**
   * Runs work whose answer is worth waiting for after an abort. Throws as the work does, and `InterruptedError` before
   * it starts.
   */
  async critical<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    this.#due++;
    try {
      return await work();
    } finally {
      this.#due--;
      if (this.isAborted) this.#stop();
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#listening[Symbol.dispose]();
    clearTimeout(this.#timer);
  }

  #stop(): void {
    if (this.#disposed) return;
    const signal = this.#signal as AbortSignal;
    if (this.#due === 0) return this.#end(abortReason(signal));
    this.#timer ??= setTimeout(() => this.#end(abortReason(signal)), ABORT_GRACE_MS);
  }
}
