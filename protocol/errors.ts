/**
 * Errors that xfer raises, by class of what went wrong.
 *
 * Every error has a stable `code` in kebab case, for programs; a message that says what happened and with what; and,
 * where there is something to do about it, a `hint`. The class decides the exit code of the executable.
 *
 * @module
 */

import { printable } from "./printable.ts";

/** What kind of thing went wrong; the executable has one exit code for each. */
export type ErrorCategory =
  | "usage"
  | "configuration"
  | "network"
  | "protocol"
  | "refused"
  | "integrity"
  | "io"
  | "interrupted";

/** What an error may carry beside its code and message. */
export interface ErrorDetails {
  /** What the person in front of the terminal can do next, as a sentence. */
  readonly hint?: string;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * Base of all errors that xfer raises. `code` never changes between releases; `message` may. docs/troubleshooting.md has
 * an entry for every code.
 */
export abstract class XferError extends Error {
  /** What kind of thing went wrong. */
  abstract readonly category: ErrorCategory;
  /** Stable, in kebab case, such as `name-taken`. */
  readonly code: string;
  /** What to do about it, as a sentence, where there is something to do. */
  readonly hint: string | undefined;

  /** `code` in kebab case; `message` without a full stop. */
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint;
  }
}

/** An invalid command, option or argument. Nothing was sent. */
export class UsageError extends XferError {
  /** Always `usage`. */
  override readonly category = "usage";
}

/** A file that a person wrote (transfer.info, the server's settings) or the state of a folder is not valid. */
export class ConfigurationError extends XferError {
  /** Always `configuration`. */
  override readonly category = "configuration";
}

/** The other end could not be reached, or the connection was lost. */
export class NetworkError extends XferError {
  /** Always `network`. */
  override readonly category = "network";
}

/** The other end sent bytes that the protocol does not allow at this point. */
export class ProtocolError extends XferError {
  /** Always `protocol`. */
  override readonly category = "protocol";
}

/** The server understood the request and refused it. */
export class RefusedError extends XferError {
  /** Always `refused`. */
  override readonly category = "refused";
}

/** Data is damaged or changed: a checksum, a digest or a size does not match. */
export class IntegrityError extends XferError {
  /** Always `integrity`. */
  override readonly category = "integrity";
}

/** A file or a database on this machine could not be read or written. */
export class StorageError extends XferError {
  /** Always `io`. */
  override readonly category = "io";
}

/** The operation was aborted before it was done. */
export class InterruptedError extends XferError {
  /** Always `interrupted`. */
  override readonly category = "interrupted";
}

/**
 * The request was sent, and no answer came that says whether it was carried out. Its category is that of its `cause`,
 * which says what came in place of the answer.
 */
export class UnconfirmedError extends XferError {
  /** The category of `cause`. */
  override readonly category: ErrorCategory;

  /** `details.cause`: what came in place of the answer. */
  constructor(
    code: string,
    message: string,
    details: ErrorDetails & { readonly cause: XferError },
  ) {
    super(code, message, details);
    this.category = details.cause.category;
  }
}

/** Deno's advice to those who start it themselves, or compile; who runs an executable can do neither. */
const DENO_ADVICE = /, (?:run again with|specify the required permissions) .*$/s;

/** Why what was read of a file is not stored. `file`: its name or path, safe to show. */
export function fileChanged(file: string): IntegrityError {
  return new IntegrityError(
    "file-changed",
    `${file} was not stored: it changed during the upload, or the system does not know its size`,
    {
      hint:
        "Upload it again when no program writes to it, or upload a copy if it has no fixed size, " +
        "like files below /proc.",
    },
  );
}

/** Whether an error ends more than the file at hand: the connection, or all of the work. */
export function endsAll(error: unknown): boolean {
  if (!(error instanceof XferError)) return true;
  return ["network", "protocol", "interrupted"].includes(error.category);
}

/**
 * What Deno says behind the system's words: the call with its paths. Who says what has failed has named the file, and a
 * call may be about another one, which takes its place later.
 */
const CALL = /(?<=^E[A-Z0-9]+: [^,']+), [a-z_]+ '.*'$|(?<= \(os error \d+\)): [a-z_]+ '.*'$/s;

/** What rustls says of a connection that ends without its last word. */
const CUT_OFF = /^peer closed connection without sending TLS close_notify\b/;

/** Why something has failed, as it is said behind what has, and with which file; safe to show. */
export function reasonOf(cause: unknown): string {
  return printable(messageOf(cause).replace(CALL, ""));
}

/** The same where nobody else says with which file. */
export function reasonWithPathOf(cause: unknown): string {
  return printable(messageOf(cause));
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { name, message } = cause;
  if (name === "NotCapable") {
    return `xfer has no permission: ${message.replace(DENO_ADVICE, "")}`;
  }
  return CUT_OFF.test(message) ? "the other end closed the connection" : message;
}
