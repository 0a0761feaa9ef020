/**
 * Signs in a client by its first message, whose signature proves that the client has the key (docs/protocol-4.md,
 * "Authentication").
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import { isUserName, printable } from "../../protocol/printable.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  sealedBytes,
  SECRET_SIZE,
  verifyProof,
  verifySignature,
} from "../../protocol/v4/authentication.ts";
import type { Message, MessageKind, MessageOf } from "../../protocol/v4/messages.ts";
import { hashToken } from "../../protocol/v4/token.ts";
import { countRegistration, noteSeen, pendingBefore } from "../accounts/registration.ts";
import type { V4Context } from "./context.ts";
import type {
  AccountWithKeys,
  LoginFault,
  LoginResult,
  Principal,
  RevocationReason,
} from "../catalog/accounts.ts";
import { PROTOCOL_4 } from "../catalog/accounts.ts";
import { MAX_KEYS } from "../catalog/bounds.ts";
import { RequestError, type RequestErrorCode } from "./request_error.ts";

/** A signed-in account with its name and key. */
export interface NamedPrincipal extends Principal {
  readonly name: string;
}

/** A connection whose client has not signed in yet. */
export interface UnauthenticatedConnection {
  readonly context: V4Context;
  /** The server's fingerprint. */
  readonly fingerprint: Bytes;
  /** The nonce of this connection. */
  readonly nonce: Bytes;
  readonly peer: {
    /** `HOST:PORT`. */
    readonly address: string;
    /** The key under which the peer is counted, see `addressKey`. */
    readonly origin: string;
  };
  send(message: Message): Promise<void>;
  /** The next message; `undefined` if the peer has disconnected. */
  receive(): Promise<Message | undefined>;
}

/** The most characters of an invalid name in the log: the maximum of a valid one. */
const MAX_LOGGED = 254;
const WRONG_SIGNATURE = "the signature is wrong";

/** Returns `undefined` if the client disconnects in between. */
type LoginHandler<K extends MessageKind> = (
  connection: UnauthenticatedConnection,
  message: MessageOf<K>,
) => Promise<NamedPrincipal | undefined>;

const LOGIN_HANDLERS: { readonly [K in "register" | "login" | "claim"]: LoginHandler<K> } = {
  async register(connection, { name, key, signature, token }) {
    const { context, fingerprint, nonce, peer } = connection;
    await countRegistration(context, peer);
    await refuseUnsigned(
      connection,
      name,
      verifySignature({ fingerprint, nonce, key, name }, signature),
    );
    if (!isUserName(name)) {
      throw refused(
        connection,
        name,
        "bad-user-name",
        "a user name must have 1 to 254 ASCII letters and digits",
      );
    }
    const { store: { catalog }, random, clock, registration } = context;
    const entered = await catalog.accounts.registerV4({
      ...{ id: random.clientId(), name, key, now: clock(), registration: registration() },
      expiredBefore: pendingBefore(context),
      token: token === "" ? undefined : await hashToken(token),
    });
    return accept(connection, entered, name, key);
  },

  async login(connection, { clientId: accountId, key, signature }) {
    const { context, fingerprint, nonce, peer: { address } } = connection;
    const proven = await verifySignature(
      { fingerprint, nonce, clientId: accountId, key },
      signature,
    );
    const account = proven
      ? await context.store.catalog.accounts.find({ id: accountId })
      : undefined;
    if (account === undefined || !hasKey(account, key)) {
      const reason = !proven
        ? WRONG_SIGNATURE
        : `the account ${account ? "has no such key" : "does not exist"}`;
      const who = account === undefined ? "" : "as {name} ";
      context.log.info(`Denied sign-in ${who}to account {client} from {address}: {reason}`, {
        event: "client.denied",
        ...{ name: account?.name ?? "", client: toHex(accountId), address, reason },
      });
      // The client does not learn which of the two is wrong.
      throw new RequestError("not-authenticated", "unknown account or key");
    }
    const entered = account.disabled ? "disabled" : { account, how: "known" } as const;
    return accept(connection, entered, account.name, key);
  },

  async claim(connection, { clientId: accountId, name, key, signature }) {
    const { context, fingerprint, nonce, peer } = connection;
    await countRegistration(context, peer);
    const claim = { fingerprint, nonce, clientId: accountId, key, name };
    await refuseUnsigned(connection, name, verifySignature(claim, signature));
    const { catalog } = context.store;
    const client = await catalog.accounts.find({ id: accountId });
    let publicKey: Bytes = new Uint8Array(0);
    if (client?.name === name && client.storedProfile.edition !== PROTOCOL_4) {
      if (context.registration() !== "open") return accept(connection, "closed", name, key);
      if (client.publicKey !== undefined) {
        publicKey = client.publicKey;
        if (!(await ownsAccount(connection, { accountId, name, key }, publicKey))) return undefined;
      }
    }
    const now = context.clock();
    const entered = await catalog.accounts.takeOver({ id: accountId, name, key, publicKey, now });
    return accept(connection, entered, name, key);
  },
};

/**
 * Signs a client in by its first message. Returns `undefined` if the client disconnects in between. Throws
 * `RequestError`, `LimitError`, and `ProtocolError` for a message that does not sign in.
 */
export async function authenticate(
  connection: UnauthenticatedConnection,
  message: Message,
): Promise<NamedPrincipal | undefined> {
  if (!Object.hasOwn(LOGIN_HANDLERS, message.kind)) {
    throw new ProtocolError("bad-frame", `${message.kind} came before sign-in`);
  }
  const { context: { failedSignIns }, peer: { origin } } = connection;
  failedSignIns.check(origin);
  try {
    return await (LOGIN_HANDLERS[message.kind as keyof typeof LOGIN_HANDLERS] as LoginHandler<
      MessageKind
    >)(connection, message);
  } catch (error) {
    const isGuess = error instanceof RequestError && GUESSES.includes(error.code);
    if (isGuess) await failedSignIns.fail(origin);
    throw error;
  }
}

/** Errors for clients that guess ids, keys or tokens. */
const GUESSES: readonly RequestErrorCode[] = ["not-authenticated", "bad-token", "no-such-account"];

/** The error for a client whose session must end. */
export function dismissal(fault: RevocationReason): RequestError {
  return new RequestError(...(fault === "disabled" ? REFUSALS.disabled : GONE));
}

/**
 * Challenges the client to prove that it owns the account's RSA key. Returns `false` if the client disconnects. Throws
 * `RequestError` if the proof is wrong.
 */
async function ownsAccount(
  connection: UnauthenticatedConnection,
  { accountId, name, key }: NamedPrincipal,
  publicKey: Bytes,
): Promise<boolean> {
  const { context, fingerprint, send, receive } = connection;
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_SIZE));
  const bytes = await context.random.wrap(publicKey, sealedBytes(secret));
  await send({ kind: "sealed", tag: 0, bytes });
  const answer = await receive();
  if (answer === undefined) return false;
  if (answer.kind !== "unsealed") {
    throw new ProtocolError("bad-frame", `${answer.kind} came instead of unsealed`);
  }
  if (await verifyProof(secret, { fingerprint, clientId: accountId, key }, answer.proof)) {
    return true;
  }
  throw refused(connection, name, "not-authenticated", "the proof for the account's key is wrong");
}

const WORDS: Readonly<Record<LoginResult["how"], readonly [event: string, words: string]>> = {
  known: ["client.logged-in", "Signed in {name} from {address}"],
  registered: ["client.registered", "Registered {name} with id {client} from {address}"],
  linked: ["client.linked", "Linked another key to {name} from {address}"],
  claimed: ["client.claimed", "Moved {name} from protocol 3 to protocol 4 ({address})"],
};

const GONE = ["not-authenticated", "the account was removed, or no longer has this key"] as const;

const REFUSALS: Readonly<Record<LoginFault, readonly [code: RequestErrorCode, message: string]>> = {
  "name-taken": ["name-taken", "the user name is taken"],
  "closed": ["registration-closed", "registration is closed"],
  "invitation-needed": ["registration-closed", "registration requires an invitation"],
  "token-unknown": ["bad-token", "the token is unknown or was revoked"],
  "token-expired": ["bad-token", "the token has expired"],
  "token-used-up": ["bad-token", "the token is used up"],
  "token-of-another": ["bad-token", "the token links to an account with another name"],
  "no-such-account": ["no-such-account", "no protocol 3 account has this id and name"],
  "claimed-already": ["not-authenticated", "the account already uses protocol 4"],
  "disabled": ["account-disabled", "the operator has disabled the account"],
  "too-many-keys": ["over-limit", `the account already has ${MAX_KEYS} keys, the maximum`],
};

/** Throws `RequestError`. */
async function accept(
  connection: UnauthenticatedConnection,
  entered: LoginResult | LoginFault,
  name: string,
  key: Bytes,
): Promise<NamedPrincipal> {
  const { context, peer: { address } } = connection;
  if (typeof entered === "string") throw refused(connection, name, ...REFUSALS[entered]);
  const { account, how } = entered;
  const id = toHex(account.id);
  context.accounts.forget(account.id);
  if (how === "linked" || how === "claimed") await context.onAccountClaimed(account.id);
  if (how === "known") noteSeen(context, account);
  const [event, words] = WORDS[how];
  context.log.info(words, { event, name: printable(account.name), client: id, address });
  return { accountId: account.id, name: account.name, key };
}

async function refuseUnsigned(
  connection: UnauthenticatedConnection,
  name: string,
  proven: Promise<boolean>,
): Promise<void> {
  if (!(await proven)) throw refused(connection, name, "not-authenticated", WRONG_SIGNATURE);
}

/** Logs a refused sign-in, and returns the error for the client. */
export function refused(
  { context, peer: { address } }: Pick<UnauthenticatedConnection, "context" | "peer">,
  name: string,
  code: RequestErrorCode,
  reason: string,
): RequestError {
  const as = name === "" ? "" : " as {name}";
  context.log.warn(`Refused sign-in${as} from {address}: {reason}`, {
    event: "client.refused",
    ...{ name: printable(name.slice(0, MAX_LOGGED)), address, code, reason },
  });
  return new RequestError(code, reason);
}

function hasKey({ keys }: AccountWithKeys, key: Bytes): boolean {
  return keys.some((known) => equalBytes(known.key, key));
}
