/**
 * What the executable's exit code says. `xfer help exit-codes` and docs/exit-codes.md are made of this table.
 *
 * @module
 */
import { endsAll, type ErrorCategory, XferError } from "../protocol/errors.ts";
import type { StopSignal } from "./signals.ts";

/** What an error event says of its kind. */
export type ErrorClass = ErrorCategory | "internal";

export interface ExitCode {
  readonly code: number;
  /** Of the errors that end so; `partial`: several, beside files that were done. */
  readonly class: ErrorClass | "partial" | "";
  /** By which the command was ended. */
  readonly signal?: StopSignal;
  readonly meaning: string;
}

export const EXIT_CODES: readonly ExitCode[] = [
  {
    ...{ code: 0, class: "" },
    meaning: "everything that was asked for is done; for `xfer client`: every file is stored",
  },
  { code: 1, class: "internal", meaning: "a fault of xfer itself; please report it" },
  {
    ...{ code: 2, class: "usage" },
    meaning:
      "a command, option or argument that xfer does not take, or a file that it does not send " +
      "because of its name, or because it is private to xfer",
  },
  {
    ...{ code: 3, class: "configuration" },
    meaning:
      "transfer.info, an identity, known_servers, port.info, a setting of the server or the data folder is not as it " +
      "must be; the server is not the one that is expected",
  },
  {
    ...{ code: 4, class: "network" },
    meaning:
      "the other end could not be reached, did not answer in time, or the connection was lost",
  },
  {
    ...{ code: 5, class: "refused" },
    meaning: "the server understood and said no: a taken name, a general error",
  },
  {
    ...{ code: 6, class: "integrity" },
    meaning:
      "checksums never agreed, the file changed while it was sent, or a stored file is damaged",
  },
  { code: 7, class: "io", meaning: "a file on this machine could not be read or written" },
  { code: 8, class: "protocol", meaning: "the other end sent what the protocol does not allow" },
  {
    ...{ code: 9, class: "partial" },
    meaning: "some of several files failed, each with its own error; the others are done",
  },
  {
    ...{ code: 130, class: "interrupted", signal: "SIGINT" },
    meaning:
      "stopped by Ctrl-C (SIGINT) before it was done; the server by a second one, since the first " +
      "lets files be stored",
  },
  {
    ...{ code: 143, class: "interrupted", signal: "SIGTERM" },
    meaning: "the same by SIGTERM",
  },
  {
    ...{ code: 149, class: "interrupted", signal: "SIGBREAK" },
    meaning: "the same by Ctrl-Break, on Windows",
  },
];

export const SUCCESS = 0;

/** Something that is stored is not as it was stored. */
export const DAMAGED = codeOf((row) => row.class === "integrity");

/**
 * Of a command that did `done` files and failed with `failures`: that of the failure that ended it, such as of the
 * network; else, if it did none, the first failure's.
 */
export function exitCodeOfAll(done: number, failures: readonly unknown[]): number {
  if (failures.length === 0) return SUCCESS;
  const end = failures.find(endsAll);
  if (end !== undefined || done === 0) return exitCodeOf(end ?? failures[0]);
  return codeOf((row) => row.class === "partial");
}

export function exitCodeOf(error: unknown): number {
  const wanted: ErrorClass = error instanceof XferError ? error.category : "internal";
  return codeOf((row) => row.class === wanted);
}

/** As shells have it: 128 and the signal's number. */
export function killedBy(signal: StopSignal): number {
  return codeOf((row) => row.signal === signal);
}

function codeOf(isWanted: (row: ExitCode) => boolean): number {
  const row = EXIT_CODES.find(isWanted);
  if (row === undefined) throw new RangeError("There is no exit code for that");
  return row.code;
}
