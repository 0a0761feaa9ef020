/**
 * Being asked to stop, by an `AbortSignal`: the same for all that takes its time.
 *
 * @module
 */
import { InterruptedError, XferError } from "./errors.ts";

/** What can be aborted. */
export interface Abortable {
  /** Ends the work when aborted: with `InterruptedError` `interrupted`, or with the reason if that is an `XferError`. */
  readonly signal?: AbortSignal | undefined;
}

/** Why work has ended that was stopped. */
export function abortReason({ reason }: AbortSignal): XferError {
  if (reason instanceof XferError) return reason;
  return new InterruptedError("interrupted", "the operation was aborted", { cause: reason });
}

/** Throws `InterruptedError` `interrupted` where the work is to stop. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

/** Has `end` called when the work is to stop, also where it is already, until it is disposed. */
export function whenAborted(signal: AbortSignal | undefined, end: () => void): Disposable {
  if (signal?.aborted === true) end();
  signal?.addEventListener("abort", end);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", end) };
}

/** What comes of work. Throws `InterruptedError` `interrupted` as soon as it is to stop, whatever comes of it then. */
export async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  using _ended = whenAborted(signal, () => reject(abortReason(signal as AbortSignal)));
  return await Promise.race([work, promise]);
}
