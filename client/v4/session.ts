/**
 * Opens a session: finds the server, verifies it, then signs in.
 *
 * @module
 */
import { ConfigurationError, ProtocolError, RefusedError } from "../../protocol/errors.ts";
import { isUserName, printable } from "../../protocol/printable.ts";
import { keepFreedMemory } from "../../protocol/memory.ts";
import { unlessAborted } from "../../protocol/abort.ts";
import { formatFingerprint } from "../../protocol/v4/fingerprint.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "../net/dial.ts";
import { IdentityFolder } from "../identity/v3_identity.ts";
import { AccountFolder, type AccountKey, type LocalAccount } from "../identity/v4_account.ts";
import { RequestMux } from "./request_mux.ts";
import type { DiscoveredServer } from "./discover.ts";
import { authenticate, type LoginMethod } from "./login.ts";
import { KnownAnswers } from "../identity/known_answers.ts";
import { isSame, KnownServers, otherServer } from "../identity/known_servers.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { connectVerified, type VerifiedChannel } from "./verify_server.ts";

/** A connection on which the client is signed in. */
export interface ClientSession {
  readonly mux: RequestMux;
  /** The most unanswered puts. */
  readonly window: number;
}

/**
 * Connects and signs in. `found`: the server's answer to a hello, if it was already asked.
 *
 * Throws `NetworkError` `cannot-connect`, `no-hello`, `no-secure-channel`; `ProtocolError` `protocol-4-not-spoken`;
 * `ConfigurationError` `other-server`, `server-not-trusted`, `server-not-verified`, `other-identity`, `bad-identity`;
 * `RefusedError`; `InterruptedError` after an abort.
 */
export async function openSession(
  options: ConnectOptions,
  found?: DiscoveredServer,
): Promise<ClientSession> {
  keepFreedMemory();
  const { identityFolder } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const onTightened = (path: string) => options.onEvent?.({ type: "tightened", path });
  const folder = new AccountFolder(identityFolder, onTightened);
  const account = await folder.loadAccount();
  const methods: LoginMethod[] = account === undefined
    ? await firstLoginMethods(options, onTightened)
    : [{ by: "login", clientId: account.clientId }];
  // A missing or damaged key fails before anything is sent.
  const known = account === undefined ? await folder.readKey() : await folder.readKeyOf(account);
  // Other clients of this folder may create one at the same time.
  const loadKey = async () => known ?? await unlessAborted(options.signal, folder.loadKey());
  for (;;) {
    const method = methods.shift() as LoginMethod;
    const { socket, ...channel } = await openChannel(options, timeouts, found);
    found = undefined;
    const { rate, signal } = options;
    const mux = new RequestMux(socket, timeouts, { rate, trace: options.tracer?.(), signal });
    try {
      const welcome = await mux.gracefulAbort.critical(async () => {
        // Call it at once: the server speaks first, and a message without a waiting request is ignored.
        const { welcome, key } = await authenticate(mux, { loadKey, ...channel }, method);
        await keepAccount(options, folder, { before: account, key, method }, welcome);
        return welcome;
      });
      return { mux, window: Math.max(1, welcome.window) };
    } catch (error) {
      mux[Symbol.dispose]();
      if (!(error instanceof RefusedError)) throw error; // the server may have registered the key
      if (error.code === "no-such-account" && methods.length > 0) continue;
      await folder.dropMadeKey().catch(() => undefined); // the refusal matters more
      throw error;
    }
  }
}

/**
 * The ways to sign in without an account of protocol 4. An account of protocol 3 is taken over if the server knows it.
 */
async function firstLoginMethods(
  { identityFolder, userName: name, token }: ConnectOptions,
  onTightened: (path: string) => void,
): Promise<LoginMethod[]> {
  const register: LoginMethod = { by: "register", name, token: token ?? "" };
  if (token !== undefined) return [register];
  const identities = new IdentityFolder(identityFolder, (event) => {
    if (event.type === "tightened") onTightened(event.path);
  });
  const identity = await identities.load();
  if (identity?.name !== name) return [register];
  const { clientId, privateKey } = identity;
  return [{ by: "claim", name, clientId, privateKey }, register];
}

type Channel = Pick<VerifiedChannel, "socket" | "fingerprint" | "host">;

/** Connects to the server, verifies it, and adds a new one to `known_servers`. */
async function openChannel(
  options: ConnectOptions,
  timeouts: Timeouts,
  found: DiscoveredServer | undefined,
): Promise<Channel> {
  const { server, identityFolder, caCerts } = options;
  const { socket, identity, isNew, answer, ...channel } = await connectVerified(
    options,
    timeouts,
    found,
  );
  try {
    // Only now has the server proven to own the key. Anyone could have sent its certificate.
    const named = identity === "pki" ? caCerts : undefined;
    const saved = isNew || named !== undefined
      ? await new KnownServers(identityFolder).keep(server, identity, named)
      : identity;
    if (!isSame(saved, identity)) {
      throw otherServer(server, { expected: saved, found: identity, pinned: false });
    }
    await new KnownAnswers(identityFolder).keep(server, answer);
    const shown = identity === "pki" ? undefined : formatFingerprint(identity);
    options.onEvent?.({ type: "connected", server, fingerprint: shown, isNew });
    return { socket, ...channel };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Saves the account that the server names. Throws `ConfigurationError` `other-identity`. */
async function keepAccount(
  { userName, onEvent }: ConnectOptions,
  folder: AccountFolder,
  { before, key, method }: {
    readonly before: LocalAccount | undefined;
    readonly key: AccountKey;
    readonly method: LoginMethod;
  },
  { name, clientId }: MessageOf<"welcome">,
): Promise<void> {
  // The server chooses the name, which goes into a file and onto the terminal.
  if (!isUserName(name)) {
    throw new ProtocolError("bad-welcome", "the server sent an invalid user name");
  }
  if (before?.name !== name) await folder.saveAccount({ name, clientId }, key);
  if (before === undefined) {
    onEvent?.({ type: method.by === "claim" ? "claimed" : "registered", clientId });
  } else if (before.name !== name) onEvent?.({ type: "renamed", from: before.name, to: name });
  if (name === userName) return;
  throw new ConfigurationError(
    "other-identity",
    `me.account belongs to the account ${name}, but transfer.info names ${printable(userName)}`,
    {
      hint: `Write ${name} into line 2 of transfer.info, or use another folder for ` +
        `${printable(userName)}.`,
    },
  );
}
