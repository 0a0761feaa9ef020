/**
 * The sign-in of a client: it registers or reconnects, and gets an AES key. `client_session.ts` has the upload.
 *
 * @module
 */
import { ProtocolError, RefusedError } from "../errors.ts";
import type { Response } from "./messages.ts";
import { type Bytes, equalBytes } from "../bytes.ts";
import {
  expectKind,
  receive,
  type ResponseOf,
  send,
  type SessionSteps,
  shown,
  type StepResult,
} from "./session_steps.ts";
import type { Profile } from "./server_session.ts";

/** The name and the public key of a client. */
export interface ClientKey {
  /** The name as a field of 255 bytes. */
  readonly name: Bytes;
  /** SubjectPublicKeyInfo, 160 bytes. */
  readonly publicKey: Bytes;
}

/** The properties of a registration. */
export interface Registration extends ClientKey {
  /** 16 bytes for the header, because the server has not assigned an id yet. Servers ignore them. */
  readonly placeholderId: Bytes;
  /** Whether an earlier registration got no answer, so that this client may already have the name. */
  readonly unanswered?: boolean;
  /** Ids that came with denials of this name, the last one first. */
  readonly deniedIds?: readonly Bytes[];
}

/** The time that a server may take to answer a public key under an id that came with a denial, in milliseconds. */
const DENIED_ID_MS = 5000;

/**
 * The session that registers a name and exchanges keys. Returns the client id that the server assigned. Throws
 * `RefusedError` `name-taken`; `ProtocolError` and `NetworkError` for invalid or missing answers.
 *
 * @example Drive a session by hand
 * ```ts
 * import assert from "node:assert/strict";
 * import { edition2023c, encodeTextField, NO_QUIRKS, register } from "@xfer/xfer/protocol/v3";
 *
 * const session = register({ edition: edition2023c, quirks: NO_QUIRKS }, {
 *   name: encodeTextField("Alice", 255)!,
 *   publicKey: new Uint8Array(160),
 *   placeholderId: new Uint8Array(16),
 * });
 * // The first step asks to send the registration, the next one to read the answer.
 * const { value: step } = session.next();
 * assert(typeof step === "object" && "do" in step && step.do === "send");
 * const { value: next } = session.next({ type: "sent" });
 * assert(typeof next === "object" && "do" in next && next.do === "receive");
 * ```
 */
export function* register(
  profile: Profile,
  { placeholderId, unanswered = false, deniedIds = [], name, publicKey }: Registration,
): SessionSteps<Bytes> {
  const owner = { name, publicKey };
  yield* send(profile, { kind: "register", clientId: placeholderId, name });
  const answer = yield* receive("registered", "refused");
  if (answer.kind === "registered") return yield* settle(profile, answer.clientId, owner);
  const settled = yield* settleAsDenied(profile, deniedIds, owner);
  if (settled === undefined) throw nameTaken(name, unanswered);
  return settled;
}

/**
 * Some servers register the name of a client that they deny, under the id of the denial. Returns the id under which the
 * server accepts the public key, or `undefined` if it accepts none.
 */
function* settleAsDenied(
  profile: Profile,
  deniedIds: readonly Bytes[],
  owner: ClientKey,
): SessionSteps<Bytes | undefined> {
  for (const clientId of deniedIds.filter((id) => id.some((byte) => byte !== 0))) {
    const answer = yield* offerKey(profile, clientId, owner);
    if (answer.type !== "response" || answer.response.kind !== "keyReceived") continue;
    // Only now, because another client's id must not replace ours.
    yield { do: "keepIdentity", clientId };
    yield* useKeyOrRenew(profile, clientId, owner, answer.response);
    return clientId;
  }
  return undefined;
}

/** If the server has closed after its refusal, asks again over a new connection. */
function* offerKey(profile: Profile, clientId: Bytes, owner: ClientKey): SessionSteps<StepResult> {
  for (let isFirst = true;; isFirst = false) {
    yield* send(profile, { kind: "publicKey", clientId, ...owner });
    const answer = yield { do: "receive", withinMs: DENIED_ID_MS };
    if (answer.type !== "closed" || !isFirst) return answer;
  }
}

function nameTaken(name: Bytes, unanswered: boolean): RefusedError {
  if (!unanswered) {
    // The protocol has one refusal for both.
    return new RefusedError(
      "name-taken",
      `the server did not register ${shown(name)}: the name is taken, or registration is closed`,
      {
        hint:
          "Choose another name in line 2 of transfer.info, or restore the me.info of this account.",
      },
    );
  }
  return new RefusedError(
    "name-taken",
    `the name ${shown(name)} is already taken, perhaps by an earlier registration of this client ` +
      "that got no answer",
    {
      hint:
        "Try again in 10 minutes, when xfer's server has freed such a name, or choose another " +
        "name in line 2 of transfer.info.",
    },
  );
}

/** Keeps a new id and exchanges keys under it. */
function* settle(profile: Profile, clientId: Bytes, owner: ClientKey): SessionSteps<Bytes> {
  yield { do: "keepIdentity", clientId };
  yield* send(profile, { kind: "publicKey", clientId, ...owner });
  yield* useKeyOrRenew(profile, clientId, owner, yield* receive("keyReceived"));
  return clientId;
}

/**
 * The session that asks for a new AES key under an earlier id. Returns the id. If the server does not know the id, it
 * registers again first, as the published texts say, and returns the new one. Throws as {@link register} does.
 */
export function* reconnect(
  profile: Profile,
  clientId: Bytes,
  registration: Omit<Registration, "placeholderId">,
): SessionSteps<Bytes> {
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
  if (profile.quirks.has("reserved-id")) return yield* settle(profile, last, owner);
  const deniedIds = distinct([...answer.deniedIds, ...earlierIds]);
  return yield* register(profile, { ...registration, placeholderId: clientId, deniedIds });
}

/** Ids that came with denials, the last one first. */
interface Denial {
  readonly deniedIds: readonly Bytes[];
}

function* askToReconnect(
  profile: Profile,
  clientId: Bytes,
  name: Bytes,
): SessionSteps<ResponseOf<"reconnected"> | Denial> {
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

/** In an edition without reconnection, the keys are exchanged again. A server that does not know the id closes. */
function* sendKeyAgain(
  profile: Profile,
  clientId: Bytes,
  owner: ClientKey,
): SessionSteps<ResponseOf<"keyReceived"> | Denial> {
  yield* send(profile, { kind: "publicKey", clientId, ...owner });
  const answer = yield { do: "receive" };
  const unknown = answer.type === "closed" ||
    (answer.type === "response" && answer.response.kind === "generalError");
  return unknown ? { deniedIds: [] } : expectKind(answer, ["keyReceived"]);
}

type KeyResponse = Extract<Response, { readonly wrappedKey: Bytes }>;

/**
 * A key that cannot be unwrapped was damaged on the way, or wrapped with a damaged public key. The public key is sent
 * again, once, because otherwise the account could never be used.
 */
function* useKeyOrRenew(
  profile: Profile,
  clientId: Bytes,
  owner: ClientKey,
  response: KeyResponse,
): SessionSteps<void> {
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
): SessionSteps<void> {
  if (!equalBytes(response.clientId, clientId)) {
    throw new ProtocolError("wrong-client-id", "the server sent a key for another client id");
  }
  yield { do: "useKey", wrappedKey: response.wrappedKey };
}
