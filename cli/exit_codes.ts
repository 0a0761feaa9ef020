/**
 * What the executable's exit code says. `xfer help exit-codes` and docs/exit-codes.md are made of this table.
 *
 * @module
 */
import { type ErrorCategory, XferError } from "../protocol/errors.ts";

/** What an error event says of its kind. */
export type ErrorClass = ErrorCategory | "internal";

export interface ExitCode {
  readonly code: number;
  /** Of the errors that end so, or the name of the signal. */
  readonly class: ErrorClass | "" | "SIGINT" | "SIGTERM" | "SIGBREAK";
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
    meaning: "a command, option or argument that xfer does not take",
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
    ...{ code: 130, class: "SIGINT" },
    meaning: "ended by Ctrl-C; the server by a second one, since the first lets files be stored",
  },
  { code: 143, class: "SIGTERM", meaning: "ended by this signal; the server by a second one" },
  { code: 149, class: "SIGBREAK", meaning: "the same by Ctrl-Break, on Windows" },
];

export const SUCCESS = 0;

/** Something that is stored is not as it was stored. */
export const DAMAGED = codeOf("integrity");

export function exitCodeOf(error: unknown): number {
  return codeOf(error instanceof XferError ? error.category : "internal");
}

/** As shells have it: 128 and the signal's number. */
export function killedBy(signal: "SIGINT" | "SIGTERM" | "SIGBREAK"): number {
  return codeOf(signal);
}

function codeOf(wanted: ExitCode["class"]): number {
  const row = EXIT_CODES.find((row) => row.class === wanted);
  if (row === undefined) throw new RangeError(`There is no exit code for ${wanted}`);
  return row.code;
}
