/**
 * Errors for the ends of connections and for refused requests.
 *
 * @module
 */
import {
  NetworkError,
  ProtocolError,
  reasonOf,
  RefusedError,
  UnavailableError,
} from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { Message } from "../../protocol/v4/messages.ts";

/** The hint for a file that is damaged on the server. */
export const DAMAGED_HINT =
  "Upload the file again if you have it, and inform the server's operator.";

/** The error of a connection that can no longer be used. */
export function lost(cause: unknown): NetworkError {
  const reason = reasonOf(cause);
  return new NetworkError("connection-lost", `disconnected: ${reason}`, { cause });
}

/** The code and message of a server's error. */
interface Reason {
  readonly code: string;
  readonly message: string;
}

/** The server refused a request. */
export function refused(reason: Reason): RefusedError {
  const hint = hintFor(codeOf(reason));
  const details = hint === undefined ? {} : { hint };
  return new RefusedError(codeOf(reason), `the server refused: ${wordsOf(reason)}`, details);
}

/** Hints by code. */
export const HINTS = {
  "bad-file-name": "Choose another name, for an upload with --as NAME.",
  "other-form": "Upload it under the name on the server with --as NAME, or rename that file first.",
  "not-empty": "To remove the folder with everything below it, add --recursive.",
  "not-allowed": "Ask the server's operator, who has restricted the account.",
  "file-exists": "Choose another name, or remove the existing file with 'xfer client remove NAME'.",
  "over-limit":
    "Try again later, ask the server's operator, or free your quota with 'xfer client remove NAME'.",
  "no-such-file": "To see your files, run 'xfer client list'.",
  "damaged": DAMAGED_HINT,
} as const;

function hintFor(code: string): string | undefined {
  return Object.hasOwn(HINTS, code) ? HINTS[code as keyof typeof HINTS] : undefined;
}

/** The server closed a connection that the client may open again. */
export function ended(reason: Reason): NetworkError {
  return new NetworkError(codeOf(reason), `the server closed the connection: ${wordsOf(reason)}`);
}

/** The error of a server that cannot work for the moment; `undefined` for any other. It says nothing about the request. */
export function unavailable(reason: Reason): UnavailableError | undefined {
  if (reason.code !== "unavailable") return undefined;
  return new UnavailableError("unavailable", `the server cannot work now: ${wordsOf(reason)}`, {
    hint: "Try again later.",
  });
}

/** The server's message is not an answer to the request. */
export function unexpected({ kind }: Pick<Message, "kind">): ProtocolError {
  return new ProtocolError("unexpected-answer", `unexpected answer from the server: ${kind}`);
}

/** Returns the server's code if it has the form of one. */
function codeOf({ code }: Reason): string {
  return /^[a-z][a-z-]{0,40}$/.test(code) ? code : "refused";
}

function wordsOf({ message }: Reason): string {
  return printable(message.slice(0, 500));
}
