/**
 * The errors of xfer, in classes by what failed.
 *
 * Every error has a stable `code` in kebab case, for programs; a message that says what failed, with names; and, if one
 * helps, a `hint` with the next step. The class decides the exit code of the executable.
 *
 * @module
 */

import { printable } from "./printable.ts";

/** The category of an error. The executable has one exit code for each. */
export type ErrorCategory =
  | "usage"
  | "configuration"
  | "network"
  | "protocol"
  | "refused"
  | "integrity"
  | "io"
  | "interrupted";

/** Further properties of an error. */
export interface ErrorDetails {
  /** The next step for the user, as a sentence. */
  readonly hint?: string;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * The base class of all errors of xfer. `code` never changes between releases; `message` may. docs/troubleshooting.md
 * has an entry for every code.
 */
export abstract class XferError extends Error {
  /** The category of the error. */
  abstract readonly category: ErrorCategory;
  /** Stable, in kebab case, such as `name-taken`. */
  readonly code: string;
  /** The next step for the user, as a sentence, if one helps. */
  readonly hint: string | undefined;

  /** `code`: in kebab case; `message`: without a full stop. */
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

/** A file that a person wrote (transfer.info, the server's settings) or the state of a folder is invalid. */
export class ConfigurationError extends XferError {
  /** Always `configuration`. */
  override readonly category = "configuration";
}

/** The other end could not be reached, or is disconnected. */
export class NetworkError extends XferError {
  /** Always `network`. */
  override readonly category = "network";
}

/**
 * The other end, or the database or object store that it needs, cannot work for the moment. If a change was requested,
 * it may have been made, as after a lost connection. The same request succeeds later.
 */
export class UnavailableError extends NetworkError {}

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

/** Data is damaged or changed: a checksum, a digest or a size differs. */
export class IntegrityError extends XferError {
  /** Always `integrity`. */
  override readonly category = "integrity";
}

/** A file or a database on this machine could not be read or written. */
export class StorageError extends XferError {
  /** Always `io`. */
  override readonly category = "io";
}

/** The operation was aborted before it was complete. */
export class InterruptedError extends XferError {
  /** Always `interrupted`. */
  override readonly category = "interrupted";
}

/**
 * The request was sent, but no answer says whether it was carried out. The category is that of the `cause`, the error
 * that occurred instead of the answer.
 */
export class UnconfirmedError extends XferError {
  /** The category of `cause`. */
  override readonly category: ErrorCategory;

  /** `details.cause`: the error that occurred instead of the answer. */
  constructor(
    code: string,
    message: string,
    details: ErrorDetails & { readonly cause: XferError },
  ) {
    super(code, message, details);
    this.category = details.cause.category;
  }
}

/** Deno's advice for its own command line, which users of an executable cannot follow. */
const DENO_ADVICE = /, (?:run again with|specify the required permissions) .*$/s;

/** The error for a file that changed while it was read. `file`: its name or path, safe to show. */
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

/** Whether an error ends more than the current file: the connection, or all work. */
export function endsAll(error: unknown): boolean {
  if (!(error instanceof XferError)) return true;
  return ["network", "protocol", "interrupted"].includes(error.category);
}

/**
 * The call with its paths that Deno appends to the system's message. Our messages already name the file, and the call
 * may name a temporary one.
 */
const CALL = /(?<=^E[A-Z0-9]+: [^,']+), [a-z_]+ '.*'$|(?<= \(os error \d+\)): [a-z_]+ '.*'$/s;

/** The whole message is the words of the system, with their number: `No such file or directory (os error 2)`. */
const SYSTEM = /^(?<words>[A-Z][^:]*) \(os error \d+\)$/s;

function inSentence(_all: string, words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1);
}

/** The message of rustls for a connection that ends without a TLS close. */
const CUT_OFF = /^peer closed connection without sending TLS close_notify\b/;

/** The reason in an error, to follow what failed and the name of the file; safe to show. */
export function reasonOf(cause: unknown): string {
  return printable(messageOf(cause).replace(CALL, "").replace(SYSTEM, inSentence));
}

/** The same, with the path, for messages that name no file. */
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
