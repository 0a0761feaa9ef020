/**
 * The client's end of a session, without sockets, files or clocks. Each flow is a generator that yields the next step
 * and is resumed with its result, so it reads top to bottom like the protocol. This module uploads a file;
 * `registration.ts` signs in.
 *
 * @module
 */
import {
  fileChanged,
  IntegrityError,
  InterruptedError,
  NetworkError,
  ProtocolError,
  type RefusedError,
  UnconfirmedError,
  XferError,
} from "../errors.ts";
import { nameFault } from "../file_name.ts";
import { storedName } from "./stored_name.ts";
import type { FileReceived } from "./messages.ts";
import { decodeTextField } from "./text_field.ts";
import type { Bytes } from "../bytes.ts";
import {
  expectKind,
  generalError,
  perform,
  receive,
  send,
  type SessionSteps,
  shown,
} from "./session_steps.ts";
import { type OutgoingFile, partsOf } from "./file_parts.ts";
import type { Profile } from "./server_session.ts";

/** The time that a server may take to answer "CRC invalid, will resend" before the file is resent, in milliseconds. */
export const RESEND_PAUSE_MS = 500;

/** The time that a server may take to answer "giving up", in milliseconds. Nothing depends on the answer. */
const GIVING_UP_MS = 5000;

/**
 * The session that sends a file until both ends agree on its checksum. Returns its cksum. Throws `IntegrityError`:
 * `crc-mismatch` after the edition's number of attempts, `file-changed` if the file changed while it was sent;
 * `UnconfirmedError` `not-confirmed` if the server did not confirm that it stored the file; `RefusedError`
 * `general-error`; `ProtocolError` and `NetworkError` for invalid or missing answers.
 */
export function* upload(profile: Profile, file: OutgoingFile): SessionSteps<number> {
  const { clientId, fileName } = file;
  for (let attempt = 1;; attempt++) {
    const { ours, theirs, changed } = yield* sendOnce(profile, file, attempt);
    if (changed) {
      yield* giveUp(profile, clientId, fileName);
      throw fileChanged(shown(fileName));
    }
    const comparison = yield { do: "compare", attempt, ours, theirs };
    if (ours === theirs || comparison.type === "zlibCrc") {
      yield* approve(profile, clientId, fileName);
      return ours;
    }
    if (attempt === profile.edition.attempts) {
      yield* giveUp(profile, clientId, fileName);
      throw new IntegrityError(
        "crc-mismatch",
        `${shown(fileName)} was not stored: its checksum differed ${attempt} times`,
        {
          hint: "Try again later or over another network: something on the way changes bytes.",
        },
      );
    }
    yield* send(profile, { kind: "crcInvalid", clientId, fileName });
    yield* skipAnswer();
  }
}

/** One attempt: sends the file and returns both checksums. */
function* sendOnce(profile: Profile, file: OutgoingFile, attempt: number) {
  // Some servers answer the resend with a general error and accept the next one. Both count as one attempt.
  let repeatsLeft = attempt > 1 ? 1 : 0;
  for (;;) {
    const sent = yield* perform("fileSent", {
      do: "sendFile",
      parts: partsOf(profile, file),
      attempt,
    });
    const response = yield* receiveFileAnswer();
    if (response.kind === "generalError" && repeatsLeft-- > 0) continue;
    if (response.kind === "generalError") throw fileRefused(file.fileName);
    checkEcho(response, file.fileName);
    return { ours: sent.crc, theirs: response.crc, changed: sent.changed };
  }
}

function fileRefused(fileName: Bytes): RefusedError {
  const fault = nameFault(storedName(fileName));
  if (fault === undefined) return generalError("the file");
  return generalError("the file", `Rename the file: its name ${fault}, which servers may refuse.`);
}

/** Receives the answer to a file. Ignores a late answer to "CRC invalid". */
function* receiveFileAnswer() {
  const kinds = ["fileReceived", "generalError"] as const;
  const response = yield* receive(...kinds, "messageReceived");
  return response.kind === "messageReceived" ? yield* receive(...kinds) : response;
}

function checkEcho(response: FileReceived, fileName: Bytes): void {
  if (decodeTextField(response.fileName) !== decodeTextField(fileName)) {
    throw new ProtocolError(
      "wrong-file-name",
      `the server confirmed the file ${shown(response.fileName)} instead of ${shown(fileName)}`,
    );
  }
}

/** Waits briefly after "CRC invalid, will resend", which only some servers answer. */
function* skipAnswer(): SessionSteps<void> {
  const answer = yield { do: "receive", withinMs: RESEND_PAUSE_MS };
  if (answer.type === "silence") return;
  expectKind(answer, ["messageReceived"]);
}

/**
 * Asks the server to store the file. It is stored for certain only if the server confirms it, and unconfirmed if no
 * answer arrives.
 */
function* approve(profile: Profile, clientId: Bytes, fileName: Bytes): SessionSteps<void> {
  try {
    yield* send(profile, { kind: "crcValid", clientId, fileName });
    yield* receive("messageReceived");
  } catch (error) {
    const unheard = error instanceof ProtocolError || error instanceof NetworkError ||
      error instanceof InterruptedError;
    // Without a connection, the request was not sent.
    if (!unheard || error.code === "cannot-connect") throw error;
    if (error.code === "connection-closed") throw closedUnconfirmed(fileName, error);
    throw new UnconfirmedError(
      "not-confirmed",
      `${shown(fileName)} was sent, but the server did not confirm it: ${error.message}`,
      {
        hint: "Upload it again, which is safe: it overwrites the file if it was stored.",
        cause: error,
      },
    );
  }
}

function closedUnconfirmed(fileName: Bytes, cause: XferError): UnconfirmedError {
  return new UnconfirmedError(
    "not-confirmed",
    `${shown(fileName)} was sent, but the server closed the connection instead of confirming it`,
    {
      hint:
        "Ask the operator or upload it again: some servers close after they have stored a file.",
      cause,
    },
  );
}

/** Asks the server to discard the file. Some servers then close without an answer, which changes nothing. */
function* giveUp(profile: Profile, clientId: Bytes, fileName: Bytes): SessionSteps<void> {
  try {
    yield* send(profile, { kind: "crcGivenUp", clientId, fileName });
    yield { do: "receive", withinMs: GIVING_UP_MS };
  } catch (error) {
    // The reason for giving up matters more than an error of the last message.
    if (!(error instanceof XferError)) throw error;
  }
}
