/**
 * The exit codes. `xfer help exit-codes` and docs/exit-codes.md are made from this table.
 *
 * @module
 */
import { endsAll, type ErrorCategory, XferError } from "../protocol/errors.ts";
import type { StopSignal } from "./signals.ts";

/** The class of an error in its event. */
export type ErrorClass = ErrorCategory | "internal";

export interface ExitCode {
  readonly code: number;
  /** The class of the errors; `partial`: some files failed, others succeeded. */
  readonly class: ErrorClass | "partial" | "";
  /** The signal that stopped the command. */
  readonly signal?: StopSignal;
  readonly meaning: string;
}

/** 128 plus the number of SIGPIPE, as in shells. */
export const READER_ENDED = 141;

export const EXIT_CODES: readonly ExitCode[] = [
  {
    ...{ code: 0, class: "" },
    meaning: "success: everything is done; for uploads, every file is stored",
  },
  { code: 1, class: "internal", meaning: "a bug in xfer; please report it" },
  {
    ...{ code: 2, class: "usage" },
    meaning:
      "invalid command line, or a file that cannot be uploaded because of its name or because " +
      "it is private to xfer",
  },
  {
    ...{ code: 3, class: "configuration" },
    meaning:
      "invalid transfer.info, identity, known_servers, port.info, setting of the server or " +
      "data folder; or the server is not the expected one",
  },
  {
    ...{ code: 4, class: "network" },
    meaning:
      "the other end could not be reached or did not answer in time, or the connection was lost",
  },
  {
    ...{ code: 5, class: "refused" },
    meaning: "the server refused the request, such as a user name that is taken",
  },
  {
    ...{ code: 6, class: "integrity" },
    meaning:
      "checksums did not match, a file changed during its upload, or a stored file is damaged",
  },
  { code: 7, class: "io", meaning: "a file on this machine could not be read or written" },
  { code: 8, class: "protocol", meaning: "the other end violated the protocol" },
  {
    ...{ code: 9, class: "partial" },
    meaning: "some files failed, each with its own error; the others succeeded",
  },
  {
    ...{ code: 130, class: "interrupted", signal: "SIGINT" },
    meaning: "stopped by Ctrl-C (SIGINT); for the server, by a second one, since the first lets " +
      "transfers finish",
  },
  {
    ...{ code: READER_ENDED, class: "interrupted" },
    meaning: "the program that reads a download from standard output ('get -o -') ended " +
      "early, as after SIGPIPE",
  },
  {
    ...{ code: 143, class: "interrupted", signal: "SIGTERM" },
    meaning: "stopped by SIGTERM; for the server, by a second one",
  },
  {
    ...{ code: 149, class: "interrupted", signal: "SIGBREAK" },
    meaning: "stopped by Ctrl-Break (Windows); for the server, by a second one",
  },
];

export const SUCCESS = 0;

/** A stored file is damaged. */
export const DAMAGED = codeOf((row) => row.class === "integrity");

/**
 * The exit code of a command that finished `done` files and failed with `failures`: that of the failure that ended it,
 * such as a network failure; otherwise, if it finished none, that of the first failure.
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

/** 128 plus the signal's number, as in shells. */
export function killedBy(signal: StopSignal): number {
  return codeOf((row) => row.signal === signal);
}

function codeOf(isWanted: (row: ExitCode) => boolean): number {
  const row = EXIT_CODES.find(isWanted);
  if (row === undefined) throw new RangeError("no such exit code");
  return row.code;
}
