/**
 * The client's end of a conversation, without sockets, files or clocks: each flow is a generator that yields what is
 * to be done next and is resumed with what came of it. Reading one top to bottom is reading the protocol.
 *
 * @module
 */
import {
  IntegrityError,
  InterruptedError,
  NetworkError,
  ProtocolError,
  RefusedError,
  UnconfirmedError,
  XferError,
} from "../errors.ts";
import { nameFault, storedName } from "../file_name.ts";
import type { FileReceived, Response } from "../messages.ts";
import { decodeTextField } from "../text.ts";
import { type Bytes, equalBytes } from "../wire.ts";
import {
  type Answer,
  type Conversation,
  expectKind,
  generalError,
  perform,
  receive,
  type ResponseOf,
  send,
  shown,
} from "./conversation.ts";
import { partsOf, type Upload } from "./parts.ts";
import type { Profile } from "./server.ts";

/** How long a server may take to answer "CRC invalid, will resend" before the file is sent again, in milliseconds. */
export const RESEND_PAUSE_MS = 500;

/** How long a server may take to answer "giving up", in milliseconds: nothing depends on it any more. */
const GIVING_UP_MS = 5000;

export interface Owner {
  /** The name as a field of 255 bytes. */
  readonly name: Bytes;
  /** SubjectPublicKeyInfo, 160 bytes. */
  readonly publicKey: Bytes;
}

export interface Registration extends Owner {
  /** What stands in the header before the server has given an id; servers ignore it. */
  readonly placeholderId: Bytes;
  /** Whether one may have been asked for before whose answer never came: the name may be taken by this very client. */
  readonly unanswered?: boolean;
  /** The ids that came with denials of this name. */
  readonly deniedIds?: readonly Bytes[];
}

/** How long a server may take to answer a public key under an id that came with a denial, in milliseconds. */
const DENIED_ID_MS = 5000;

/** Registers a name and exchanges keys. Returns the id. Throws `RefusedError` `name-taken`. */
export function* register(
  profile: Profile,
  { placeholderId, unanswered = false, deniedIds = [], name, publicKey }: Registration,
): Conversation<Bytes> {
  const owner = { name, publicKey };
  yield* send(profile, { kind: "register", clientId: placeholderId, name });
  const answer = yield* receive("registered", "refused");
  if (answer.kind === "registered") return yield* settle(profile, answer.clientId, owner);
  const settled = yield* settleAsDenied(profile, deniedIds, owner);
  if (settled === undefined) throw nameTaken(name, unanswered);
  return settled;
}

/**
 * Some servers register a client that they deny: its name is taken then, by itself, under the id of the denial. Returns
 * the id under which the server takes the public key, or `undefined` where it is none of these.
 */
function* settleAsDenied(
  profile: Profile,
  deniedIds: readonly Bytes[],
  owner: Owner,
): Conversation<Bytes | undefined> {
  for (const clientId of deniedIds.filter((id) => id.some((byte) => byte !== 0))) {
    const answer = yield* offerKey(profile, clientId, owner);
    if (answer.type !== "response" || answer.response.kind !== "keyReceived") continue;
    // Not before: an id that is another's must not take the place of one that is ours.
    yield { do: "keepIdentity", clientId };
    yield* useKeyOrRenew(profile, clientId, owner, answer.response);
    return clientId;
  }
  return undefined;
}

/** Where the server has closed after its refusal, it is asked on a connection of its own. */
function* offerKey(profile: Profile, clientId: Bytes, owner: Owner): Conversation<Answer> {
  for (let isFirst = true;; isFirst = false) {
    yield* send(profile, { kind: "publicKey", clientId, ...owner });
    const answer = yield { do: "receive", withinMs: DENIED_ID_MS };
    if (answer.type !== "closed" || !isFirst) return answer;
  }
}

function nameTaken(name: Bytes, unanswered: boolean): RefusedError {
  const message = `The server refused to register the name ${shown(name)}: it is taken`;
  const hint = "Use another name on line 2, or bring the me.info of the one that is registered.";
  if (!unanswered) return new RefusedError("name-taken", message, { hint });
  return new RefusedError(
    "name-taken",
    `${message}, perhaps by this client, whose last registration may have got no answer`,
    {
      hint: `If so, xfer's server frees the name 10 minutes later: try again then. If not: ${hint}`,
    },
  );
}

/** Keeps a new id and exchanges keys under it. */
function* settle(profile: Profile, clientId: Bytes, owner: Owner): Conversation<Bytes> {
  yield { do: "keepIdentity", clientId };
  yield* send(profile, { kind: "publicKey", clientId, ...owner });
  yield* useKeyOrRenew(profile, clientId, owner, yield* receive("keyReceived"));
  return clientId;
}

/**
 * Asks for a fresh AES key under an id from before. Returns the id; where the server does not know it, registers anew
 * first, as the published texts say.
 */
export function* reconnect(
  profile: Profile,
  clientId: Bytes,
  registration: Omit<Registration, "placeholderId">,
): Conversation<Bytes> {
  const { name, publicKey, deniedIds: earlierIds = [] } = registration;
  const owner = { name, publicKey };
  const answer = profile.edition.requests.reconnect === undefined
    ? yield* sendKeyAgain(profile, clientId, owner)
    : yield* askToReconnect(profile, clientId, name);
  if (!("deniedIds" in answer)) {
    yield* useKeyOrRenew(profile, clientId, owner, answer);
    return clientId;
  }
  yield { do: "dropIdentity", clientId };
  const [last = clientId] = answer.deniedIds;
  if (profile.habits.has("reserved-id")) return yield* settle(profile, last, owner);
  const deniedIds = distinct([...answer.deniedIds, ...earlierIds]);
  return yield* register(profile, { ...registration, placeholderId: clientId, deniedIds });
}

/** The ids that came with denials, the last one first. */
interface Denial {
  readonly deniedIds: readonly Bytes[];
}

function* askToReconnect(
  profile: Profile,
  clientId: Bytes,
  name: Bytes,
): Conversation<ResponseOf<"reconnected"> | Denial> {
  const deniedIds: Bytes[] = [];
  while (deniedIds.length < profile.edition.reconnectAttempts) {
    yield* send(profile, { kind: "reconnect", clientId, name });
    const answer = yield* receive("reconnected", "denied");
    if (answer.kind === "reconnected") return answer;
    deniedIds.unshift(answer.clientId);
  }
  return { deniedIds };
}

function distinct(ids: readonly Bytes[]): Bytes[] {
  return ids.filter((id, index) => ids.findIndex((other) => equalBytes(id, other)) === index);
}

/** Where there is no reconnection, the key exchange is done again; a server that does not know the id closes. */
function* sendKeyAgain(
  profile: Profile,
  clientId: Bytes,
  owner: Owner,
): Conversation<ResponseOf<"keyReceived"> | Denial> {
  yield* send(profile, { kind: "publicKey", clientId, ...owner });
  const answer = yield { do: "receive" };
  const unknown = answer.type === "closed" ||
    (answer.type === "response" && answer.response.kind === "generalError");
  return unknown ? { deniedIds: [] } : expectKind(answer, ["keyReceived"]);
}

/**
 * Sends a file until both ends agree on its checksum, and returns its cksum. Throws `IntegrityError`: `crc-mismatch` when
 * the edition's attempts are used up, `file-changed` when the file was not the same from begin to end;
 * `UnconfirmedError` when the file was approved and the server did not say that it stored it.
 */
export function* upload(profile: Profile, file: Upload): Conversation<number> {
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
        `The server's checksum of ${shown(fileName)} was wrong ${attempt} times; it is not stored`,
        {
          hint:
            "Something between the two ends changes bytes. Try another network, or again later.",
        },
      );
    }
    yield* send(profile, { kind: "crcInvalid", clientId, fileName });
    yield* passOverAnswer();
  }
}

/** Why what was read of a file is not stored. `file`: its name or path, safe to show. */
export function fileChanged(file: string): IntegrityError {
  return new IntegrityError(
    "file-changed",
    `${file} changed while it was sent, or the system does not know its size; it is not stored`,
    {
      hint:
        "Send it again when nothing writes to it. Of a file without a true size, such as those " +
        "below /proc, send a copy.",
    },
  );
}

/** One attempt at a file: sends it and returns both checksums. */
function* sendOnce(profile: Profile, file: Upload, attempt: number) {
  // Some servers answer the resend with a general error and take the next one. It is the same attempt for both ends.
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
  return generalError("the file", `Its name ${fault}, which servers may refuse: rename it.`);
}

/** The answer to a file. An answer to "CRC invalid" that comes only now is passed over. */
function* receiveFileAnswer() {
  const kinds = ["fileReceived", "generalError"] as const;
  const response = yield* receive(...kinds, "messageReceived");
  return response.kind === "messageReceived" ? yield* receive(...kinds) : response;
}

function checkEcho(response: FileReceived, fileName: Bytes): void {
  if (decodeTextField(response.fileName) !== decodeTextField(fileName)) {
    throw new ProtocolError(
      "wrong-file-name",
      `The server confirmed the file ${shown(response.fileName)} where ${shown(fileName)} was sent`,
    );
  }
}

/** After "CRC invalid, will resend" some servers answer and some don't. */
function* passOverAnswer(): Conversation<void> {
  const answer = yield { do: "receive", withinMs: RESEND_PAUSE_MS };
  if (answer.type === "silence") return;
  expectKind(answer, ["messageReceived"]);
}

/** Has the file stored: it is only when the server says so, and it may be when the server is not heard any more. */
function* approve(profile: Profile, clientId: Bytes, fileName: Bytes): Conversation<void> {
  try {
    yield* send(profile, { kind: "crcValid", clientId, fileName });
    yield* receive("messageReceived");
  } catch (error) {
    const unheard = error instanceof ProtocolError || error instanceof NetworkError ||
      error instanceof InterruptedError;
    // Without a connection the server was not even asked.
    if (!unheard || error.code === "cannot-connect") throw error;
    if (error.code === "connection-closed") throw closedUnconfirmed(fileName, error);
    throw new UnconfirmedError(
      "not-confirmed",
      `${
        shown(fileName)
      } was sent and approved, but the server did not confirm it: ${error.message}`,
      { hint: "Send it again: that is safe, it takes the place of what is there.", cause: error },
    );
  }
}

function closedUnconfirmed(fileName: Bytes, cause: XferError): UnconfirmedError {
  return new UnconfirmedError(
    "not-confirmed",
    `${
      shown(fileName)
    } was sent, but not confirmed: the server closed the connection when it was ` +
      "told that the checksum is right",
    {
      hint: "Some servers do so when they have stored a file. Ask the operator, or send it again.",
      cause,
    },
  );
}

/** Has the file dropped. Some servers close then without an answer; what counts is decided anyway. */
function* giveUp(profile: Profile, clientId: Bytes, fileName: Bytes): Conversation<void> {
  try {
    yield* send(profile, { kind: "crcGivenUp", clientId, fileName });
    yield { do: "receive", withinMs: GIVING_UP_MS };
  } catch (error) {
    // Whatever became of the goodbye, why it was said is what counts.
    if (!(error instanceof XferError)) throw error;
  }
}

type KeyResponse = Extract<Response, { readonly wrappedKey: Bytes }>;

/**
 * A key that can't be unwrapped was wrapped with another public key than ours, or was damaged on the way. The public
 * key is sent again, once: where it was the one that came damaged, the account could never be used otherwise.
 */
function* useKeyOrRenew(
  profile: Profile,
  clientId: Bytes,
  owner: Owner,
  response: KeyResponse,
): Conversation<void> {
  try {
    yield* useKey(clientId, response);
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== "bad-wrapped-key") throw error;
    yield* send(profile, { kind: "publicKey", clientId, ...owner });
    yield* useKey(clientId, yield* receive("keyReceived"));
  }
}

function* useKey(
  clientId: Bytes,
  response: KeyResponse,
): Conversation<void> {
  if (!equalBytes(response.clientId, clientId)) {
    throw new ProtocolError("wrong-client-id", "The server sent a key for another client's id");
  }
  yield { do: "useKey", wrappedKey: response.wrappedKey };
}
