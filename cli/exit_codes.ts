/**
 * What the executable's exit code says.
 *
 * @module
 */
import { type ErrorCategory, XferError } from "../protocol/errors.ts";

export const SUCCESS = 0;
/** A fault of xfer itself. */
export const INTERNAL = 1;

const EXIT_CODES: Readonly<Record<ErrorCategory, number>> = {
  usage: 2,
  configuration: 3,
  network: 4,
  refused: 5,
  integrity: 6,
  io: 7,
  protocol: 8,
};

/** Something that is stored is not as it was stored. */
export const DAMAGED = EXIT_CODES.integrity;

export function exitCodeOf(error: unknown): number {
  return error instanceof XferError ? EXIT_CODES[error.category] : INTERNAL;
}

/** As shells have it: 128 and the signal's number. */
export function killedBy(signal: Deno.Signal): number {
  return 128 + (SIGNAL_NUMBERS[signal] ?? 0);
}

const SIGNAL_NUMBERS: Readonly<Partial<Record<Deno.Signal, number>>> = {
  SIGINT: 2,
  SIGTERM: 15,
  SIGBREAK: 21,
};
