/**
 * The sign-in, the first messages on a connection: the client signs in, registers, or takes over its account of
 * protocol 3.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { NetworkError, ProtocolError, RefusedError } from "../../protocol/errors.ts";
import { unwrapKey } from "../../protocol/cipher/rsa.ts";
import { prove, secretIn, sign } from "../../protocol/v4/authentication.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import type { AccountKey } from "../identity/v4_account.ts";
import type { RequestMux } from "./request_mux.ts";

/** A way to sign in. */
export type LoginMethod =
  | { readonly by: "login"; readonly clientId: Bytes }
  /** Register, with the token of an invitation or a link, or an empty one. */
  | { readonly by: "register"; readonly name: string; readonly token: string }
  /** Take over an account of protocol 3 with its RSA key (PKCS#8 DER). */
  | {
    readonly by: "claim";
    readonly name: string;
    readonly clientId: Bytes;
    readonly privateKey: Bytes;
  };

export interface LoginOptions {
  /** Called after the server's challenge, so that no key is created for a server that sends none. */
  readonly loadKey: () => Promise<AccountKey>;
  /** The verified fingerprint of the server; or of its name, if the name was verified. */
  readonly fingerprint: Bytes;
  /** The name by which the server was verified. */
  readonly host?: string | undefined;
}

type Welcome = MessageOf<"welcome">;
type LoginStep<B extends LoginMethod["by"]> = (
  mux: RequestMux,
  login: Pick<LoginOptions, "fingerprint"> & {
    readonly key: AccountKey;
    readonly nonce: Bytes;
  },
  method: Extract<LoginMethod, { readonly by: B }>,
) => Promise<Welcome>;

const LOGIN_STEPS: { readonly [B in LoginMethod["by"]]: LoginStep<B> } = {
  async login(mux, { key: { privateKey, publicKey: key }, fingerprint, nonce }, { clientId }) {
    const signature = await sign(privateKey, { fingerprint, nonce, key, clientId });
    return await mux.askFor({ kind: "login", tag: 0, clientId, key, signature }, "welcome");
  },
  async register(mux, { key: { privateKey, publicKey: key }, fingerprint, nonce }, method) {
    const { name, token } = method;
    const signature = await sign(privateKey, { fingerprint, nonce, key, name });
    const request = { kind: "register", tag: 0, name, key, signature, token } as const;
    return await mux.askFor(request, "welcome");
  },
  async claim(mux, { key: { privateKey, publicKey: key }, fingerprint, nonce }, method) {
    const { name, clientId } = method;
    const signature = await sign(privateKey, { fingerprint, nonce, key, clientId, name });
    let welcome: Welcome | undefined;
    let sealed: Bytes | undefined;
    // After an earlier claim whose answer was lost, the server knows the key and sends no challenge.
    await mux.ask({ kind: "claim", tag: 0, clientId, name, key, signature }, (message) => {
      if (message.kind === "welcome") welcome = message;
      else if (message.kind === "sealed") sealed = message.bytes;
      else {throw new ProtocolError(
          "unexpected-answer",
          `unexpected answer from the server: ${message.kind}`,
        );}
      return true;
    });
    if (welcome !== undefined) return welcome;
    const secret = await unseal(method.privateKey, sealed ?? new Uint8Array(0));
    const proof = await prove(secret, { fingerprint, clientId, key });
    return await mux.askFor({ kind: "unsealed", tag: 0, proof }, "welcome");
  },
};

/**
 * Signs in. Throws `RefusedError`; `NetworkError` `over-limit` if the server has too many connections; `ProtocolError`
 * for an invalid challenge.
 */
export async function authenticate(
  mux: RequestMux,
  { loadKey, fingerprint, host }: LoginOptions,
  method: LoginMethod,
): Promise<{ readonly welcome: Welcome; readonly key: AccountKey }> {
  const { nonce } = await mux.answerOf(0, "challenge").catch((error) => {
    throw tooMany(error) ?? error;
  });
  // The server speaks first, so another program under the same name learns nothing.
  if (host !== undefined) await mux.send({ kind: "host", tag: 0, name: host });
  const key = await loadKey();
  try {
    const step = LOGIN_STEPS[method.by] as LoginStep<LoginMethod["by"]>;
    return { welcome: await step(mux, { key, fingerprint, nonce }, method), key };
  } catch (error) {
    const hints = HINTS[method.by];
    // The code comes from the server and could name an inherited property of the object.
    if (!(error instanceof RefusedError && Object.hasOwn(hints, error.code))) throw error;
    throw new RefusedError(error.code, error.message, {
      hint: hints[error.code] as string,
      cause: error,
    });
  }
}

/** A limit that is reached before any request is one of connections. Others end, so the client can try again. */
function tooMany(cause: unknown): NetworkError | undefined {
  if (!(cause instanceof RefusedError && cause.code === "over-limit")) return undefined;
  return new NetworkError("over-limit", cause.message, {
    hint: "End other clients of yours on this server, or try again later.",
    cause,
  });
}

/**
 * Decrypts the server's secret. Refuses anything else, such as a recorded AES key of protocol 3, because a proof made
 * with it could help an attacker.
 */
async function unseal(privateKey: Bytes, sealed: Bytes): Promise<Bytes> {
  const unsealed = await unwrapKey(privateKey, sealed).catch(() => undefined);
  const secret = unsealed && secretIn(unsealed);
  if (secret !== undefined) return secret;
  throw new ProtocolError(
    "bad-seal",
    "the key in me.info cannot decrypt the challenge of the server",
    { hint: "Ask the server's operator for a link token, and run 'xfer client link TOKEN'." },
  );
}

const LINK = "get a link token from another machine of yours or the server's operator, and run " +
  "'xfer client link TOKEN'.";
const ASK = "Ask the server's operator to enable it.";
/** For too many registrations or failed sign-ins from one address. */
const LATER = "Try again later, or ask the server's operator.";

const HINTS: { readonly [B in LoginMethod["by"]]: Readonly<Record<string, string>> } = {
  login: {
    "account-disabled": ASK,
    "over-limit": LATER,
    "not-authenticated": "Check line 1 of transfer.info, or get a link token from the server's " +
      "operator, move me.account away, and run 'xfer client link TOKEN'.",
  },
  register: {
    "account-disabled": ASK,
    "over-limit": LATER,
    "name-taken": "Choose another name in line 2 of transfer.info, or if the account is yours, " +
      LINK,
    "registration-closed": "Ask the server's operator for an invitation, and run " +
      "'xfer client --invitation TOKEN'.",
    "bad-token": "Ask for a new token.",
  },
  claim: {
    "account-disabled": ASK,
    "over-limit": LATER,
    "not-authenticated": "If the account is yours, " + LINK,
    "registration-closed": "Ask the server's operator for a link token, and run " +
      "'xfer client link TOKEN'.",
  },
};
