/**
 * Aborting work by an `AbortSignal`.
 *
 * @module
 */
import { InterruptedError, XferError } from "./errors.ts";

/** Options of work that can be aborted. */
export interface Abortable {
  /**
   * Ends the work when aborted, with `InterruptedError` `interrupted`, or with the reason if that is an `XferError`.
   */
  readonly signal?: AbortSignal | undefined;
}

/** The error for aborted work. */
export function abortReason({ reason }: AbortSignal): XferError {
  if (reason instanceof XferError) return reason;
  return new InterruptedError("interrupted", "the operation was aborted", { cause: reason });
}

/** Throws `InterruptedError` `interrupted` if the signal has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

/** Calls `end` when the signal aborts, or at once if it has, until disposed. */
export function whenAborted(signal: AbortSignal | undefined, end: () => void): Disposable {
  if (signal?.aborted === true) end();
  signal?.addEventListener("abort", end);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", end) };
}

/** Awaits work. Throws `InterruptedError` `interrupted` as soon as the signal aborts, whatever the work does later. */
export async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  using _ended = whenAborted(signal, () => reject(abortReason(signal as AbortSignal)));
  return await Promise.race([work, promise]);
}
