/**
 * Why a connection ends, or something is not done on it, as errors.
 *
 * @module
 */
import { NetworkError, ProtocolError, reasonOf, RefusedError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { Message } from "../../protocol/v4/messages.ts";

/** What to do about a file that is damaged on the server. */
export const DAMAGED_HINT =
  "Upload the file again if you have it, and inform the server's operator.";

/** The connection can't be used any more. */
export function lost(cause: unknown): NetworkError {
  const reason = reasonOf(cause);
  return new NetworkError("connection-lost", `disconnected: ${reason}`, { cause });
}

/** What a server says of why it does not do something. */
interface Reason {
  readonly code: string;
  readonly message: string;
}

/** The server does not do what it was asked for. */
export function refused(reason: Reason): RefusedError {
  const hint = HINTS.get(codeOf(reason));
  const details = hint === undefined ? {} : { hint };
  return new RefusedError(codeOf(reason), `the server refused: ${wordsOf(reason)}`, details);
}

/** What to do next, where the code says enough. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ["bad-file-name", "Choose another name; to upload under another name, add --as NAME."],
  [
    "file-exists",
    "Choose another name, or remove the existing file with 'xfer client remove NAME'.",
  ],
  [
    "over-limit",
    "Remove files with 'xfer client remove NAME', try again later, or ask the server's operator.",
  ],
  ["no-such-file", "To see your files, run 'xfer client list'."],
  ["damaged", DAMAGED_HINT],
]);

/** The server lets go of a client that it may see again. */
export function ended(reason: Reason): NetworkError {
  return new NetworkError(codeOf(reason), `the server closed the connection: ${wordsOf(reason)}`);
}

/** What the server says does not answer what it was asked. */
export function unexpected({ kind }: Pick<Message, "kind">): ProtocolError {
  return new ProtocolError("unexpected-answer", `unexpected answer from the server: ${kind}`);
}

/** The code is one of ours only if it looks like one. */
function codeOf({ code }: Reason): string {
  return /^[a-z][a-z-]{0,40}$/.test(code) ? code : "refused";
}

function wordsOf({ message }: Reason): string {
  return printable(message.slice(0, 500));
}
