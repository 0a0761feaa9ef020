/**
 * The client's end of a conversation, without sockets, files or clocks: each flow is a generator that yields what is
 * to be done next and is resumed with what came of it. Reading one top to bottom is reading the protocol.
 *
 * @module
 */
import type { RequestKind, ResponseKind } from "../editions/edition.ts";
import { IntegrityError, NetworkError, ProtocolError, RefusedError, XferError } from "../errors.ts";
import { encodeRequest, type FileReceived, type Request, type Response } from "../messages.ts";
import { decodeTextField, printable } from "../text.ts";
import { type Bytes, equalBytes } from "../wire.ts";
import { type Part, partsOf, type Upload } from "./parts.ts";
import type { Profile } from "./server.ts";

/** What the one who drives a conversation is asked to do. */
export type Step =
  /** Send these bytes. Resume with `sent`. */
  | { readonly do: "send"; readonly kind: RequestKind; readonly bytes: Bytes }
  /** Send the file's ciphertext, cut into these parts. Resume with `fileSent`. */
  | { readonly do: "sendFile"; readonly parts: Iterable<Part>; readonly attempt: number }
  /** Read a response. Resume with it, with `silence` when `withinMs` is over, or with `closed`. */
  | { readonly do: "receive"; readonly withinMs?: number }
  /** Make this id durable. Resume with `kept`. */
  | { readonly do: "keepIdentity"; readonly clientId: Bytes }
  /** The server knows this id no longer; what it names is about to be replaced. Resume with `kept`. */
  | { readonly do: "dropIdentity"; readonly clientId: Bytes }
  /** Unwrap an AES key and use it from now on. Resume with `kept`. */
  | { readonly do: "useKey"; readonly wrappedKey: Bytes }
  /** Tell who watches: the checksums of an attempt. Resume with `kept`. */
  | {
    readonly do: "compare";
    readonly attempt: number;
    readonly ours: number;
    readonly theirs: number;
  };

export type Answer =
  | { readonly type: "sent" }
  | { readonly type: "kept" }
  | {
    readonly type: "fileSent";
    /** cksum of the plaintext that was read. */
    readonly crc: number;
    /** Whether the file was seen to change while it was read. */
    readonly changed: boolean;
  }
  | { readonly type: "response"; readonly response: Response }
  | { readonly type: "silence" }
  | { readonly type: "closed" };

type ResponseOf<K extends ResponseKind> = Extract<Response, { readonly kind: K }>;

export type Conversation<T> = Generator<Step, T, Answer>;

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
}

/** Registers a name and exchanges keys. Returns the id. Throws `RefusedError` `name-taken`. */
export function* register(
  profile: Profile,
  { placeholderId, ...owner }: Registration,
): Conversation<Bytes> {
  const { name } = owner;
  yield* send(profile, { kind: "register", clientId: placeholderId, name });
  const answer = yield* receive("registered", "refused");
  if (answer.kind === "refused") {
    throw new RefusedError(
      "name-taken",
      `The server refused to register the name ${shown(name)}: it is taken`,
      { hint: "Use another name on line 2, or bring the me.info of the one that is registered." },
    );
  }
  return yield* settle(profile, answer.clientId, owner);
}

/** Keeps a new id and exchanges keys under it. */
function* settle(profile: Profile, clientId: Bytes, owner: Owner): Conversation<Bytes> {
  yield { do: "keepIdentity", clientId };
  yield* send(profile, { kind: "publicKey", clientId, ...owner });
  yield* useKey(clientId, yield* receive("keyReceived"));
  return clientId;
}

/**
 * Asks for a fresh AES key under an id from before. Returns the id; where the server does not know it, registers anew
 * first, as the published texts say.
 */
export function* reconnect(profile: Profile, clientId: Bytes, owner: Owner): Conversation<Bytes> {
  const answer = profile.edition.requests.reconnect === undefined
    ? yield* sendKeyAgain(profile, clientId, owner)
    : yield* askToReconnect(profile, clientId, owner.name);
  if (answer.kind !== "denied") {
    yield* useKey(clientId, answer);
    return clientId;
  }
  yield { do: "dropIdentity", clientId };
  return profile.habits.has("reserved-id")
    ? yield* settle(profile, answer.clientId, owner)
    : yield* register(profile, { ...owner, placeholderId: clientId });
}

function* askToReconnect(profile: Profile, clientId: Bytes, name: Bytes) {
  for (let attempt = 1;; attempt++) {
    yield* send(profile, { kind: "reconnect", clientId, name });
    const answer = yield* receive("reconnected", "denied");
    const last = attempt === profile.edition.reconnectAttempts;
    if (answer.kind === "reconnected" || last) return answer;
  }
}

/** Where there is no reconnection, the key exchange is done again; a server that does not know the id closes. */
function* sendKeyAgain(
  profile: Profile,
  clientId: Bytes,
  owner: Owner,
): Conversation<ResponseOf<"keyReceived" | "denied">> {
  yield* send(profile, { kind: "publicKey", clientId, ...owner });
  const answer = yield { do: "receive" };
  const unknown = answer.type === "closed" ||
    (answer.type === "response" && answer.response.kind === "generalError");
  return unknown ? { kind: "denied", clientId } : expectKind(answer, ["keyReceived"]);
}

/**
 * Sends a file until both ends agree on its checksum, and returns that. Throws `IntegrityError`: `crc-mismatch` when
 * the edition's attempts are used up, `file-changed` when the file was not the same from begin to end.
 */
export function* upload(profile: Profile, file: Upload): Conversation<number> {
  const { clientId, fileName } = file;
  for (let attempt = 1;; attempt++) {
    const { ours, theirs, changed } = yield* sendOnce(profile, file, attempt);
    if (changed) {
      yield* giveUp(profile, clientId, fileName);
      throw new IntegrityError(
        "file-changed",
        `${shown(fileName)} changed while it was sent; the server has dropped what it got`,
        { hint: "Send it again when nothing writes to it." },
      );
    }
    yield { do: "compare", attempt, ours, theirs };
    if (ours === theirs) {
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
    if (response.kind === "generalError") throw generalError("the file");
    checkEcho(response, file.fileName);
    return { ours: sent.crc, theirs: response.crc, changed: sent.changed };
  }
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

/** Has the file stored: it is only when the server says so. */
function* approve(profile: Profile, clientId: Bytes, fileName: Bytes): Conversation<void> {
  yield* send(profile, { kind: "crcValid", clientId, fileName });
  yield* receive("messageReceived");
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

function* useKey(
  clientId: Bytes,
  response: Extract<Response, { readonly wrappedKey: Bytes }>,
): Conversation<void> {
  if (!equalBytes(response.clientId, clientId)) {
    throw new ProtocolError("wrong-client-id", "The server sent a key for another client's id");
  }
  yield { do: "useKey", wrappedKey: response.wrappedKey };
}

function* send(profile: Profile, request: Request): Conversation<void> {
  yield {
    do: "send",
    kind: request.kind,
    bytes: encodeRequest(profile.edition, request, { habits: profile.habits }),
  };
}

function* receive<K extends ResponseKind>(
  ...kinds: readonly K[]
): Conversation<ResponseOf<K>> {
  return expectKind(yield { do: "receive" }, kinds);
}

function* perform<K extends Answer["type"]>(
  type: K,
  step: Step,
): Conversation<Extract<Answer, { readonly type: K }>> {
  const answer = yield step;
  if (answer.type !== type) throw new RangeError(`Cannot resume ${step.do} with ${answer.type}`);
  return answer as Extract<Answer, { readonly type: K }>;
}

function expectKind<K extends ResponseKind>(
  answer: Answer,
  kinds: readonly K[],
): ResponseOf<K> {
  if (answer.type === "response") {
    const { response } = answer;
    if ((kinds as readonly string[]).includes(response.kind)) {
      return response as ResponseOf<K>;
    }
    if (response.kind === "generalError") throw generalError("the request");
    throw new ProtocolError(
      "unexpected-response",
      `The server answered "${response.kind}" where ${kinds.join(" or ")} was due`,
    );
  }
  if (answer.type === "closed") {
    throw new NetworkError(
      "connection-closed",
      "The server closed the connection before it answered",
      {
        hint:
          "It may be stopping, or not speak this edition of the protocol. Try again, or ask its operator.",
      },
    );
  }
  throw new NetworkError("response-timeout", "The server did not answer in time", {
    hint: "Check that the address is that of an xfer server, and try again.",
  });
}

function shown(field: Bytes): string {
  return printable(decodeTextField(field));
}

function generalError(what: string): RefusedError {
  return new RefusedError("general-error", `The server refused ${what} with a general error`, {
    hint: "Its operator finds the reason in the server's log.",
  });
}
