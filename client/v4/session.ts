/**
 * Getting in: the server is found and seen to be the one that is expected, then the client proves who it is.
 *
 * @module
 */
import {
  type Address,
  type Bytes,
  ConfigurationError,
  formatAddress,
  isUserName,
  keepFreedMemory,
  printable,
  ProtocolError,
  RefusedError,
} from "../../protocol/mod.ts";
import { formatFingerprint } from "../../protocol/v4/fingerprint.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "../connection.ts";
import { IdentityFolder } from "../identity.ts";
import type { SourceFile } from "../source_file.ts";
import { type Account, AccountFolder } from "./account.ts";
import { findSecure, openSecurely, readFingerprint, refuseOther } from "./channel.ts";
import { Exchange } from "./exchange.ts";
import { introduce, type Way } from "./introduction.ts";
import { KnownServers } from "./known_servers.ts";
import type { RateLimit } from "./rate_limit.ts";

export interface SecureOptions {
  readonly server: Address;
  /** What line 1 of transfer.info says, where it does. */
  readonly fingerprint?: Bytes | undefined;
  readonly userName: string;
  /** The folder with `me.key`, `me.account` and `known_servers`. */
  readonly identityFolder: string;
  /** Of an invitation or a link: with what to register, where the folder has no account yet. */
  readonly token?: string | undefined;
  readonly timeouts?: Partial<Timeouts>;
  /** Of all connections that are given it together. */
  readonly rate?: RateLimit | undefined;
  /** Asked about a server that is met for the first time: whether to trust it. */
  readonly onNewServer: (fingerprint: string) => boolean | Promise<boolean>;
  readonly onEvent?: (event: SecureEvent) => void;
}

export type SecureEvent =
  | { readonly type: "secure"; readonly server: Address; readonly fingerprint: string }
  | { readonly type: "registered"; readonly clientId: Bytes }
  /** The account of protocol 3 is one of protocol 4 now. */
  | { readonly type: "claimed"; readonly clientId: Bytes }
  /** The server's operator has given the account another name. */
  | { readonly type: "renamed"; readonly from: string; readonly to: string }
  | { readonly type: "tightened"; readonly path: string }
  | { readonly type: "sending"; readonly file: SourceFile; readonly attempt: number }
  /** The server holds a part of the file, from an upload that was broken off: it goes on from there. */
  | { readonly type: "resumed"; readonly file: SourceFile; readonly offset: number }
  | { readonly type: "progress"; readonly file: SourceFile; readonly sent: number }
  /** So much of a file that is to be got is here, from a run that was broken off: it goes on from there. */
  | {
    readonly type: "found-part";
    readonly name: string;
    readonly bytes: number;
    readonly size: number;
  }
  /** What has come of a file is kept for a later run. */
  | { readonly type: "kept-part"; readonly name: string; readonly path: string };

/** A connection on which the server knows who the client is. */
export interface Session {
  readonly exchange: Exchange;
  /** How many puts may be unanswered. */
  readonly window: number;
}

/**
 * Connects and gets in. Throws `NetworkError` `cannot-connect`, `no-secure-channel`; `ProtocolError`
 * `protocol-4-not-spoken`; `ConfigurationError` `other-server`, `server-not-trusted`, `other-identity`; `RefusedError`.
 */
export async function openSession(options: SecureOptions): Promise<Session> {
  keepFreedMemory();
  const { identityFolder } = options;
  const onTightened = (path: string) => options.onEvent?.({ type: "tightened", path });
  const folder = new AccountFolder(identityFolder, onTightened);
  const account = await folder.loadAccount();
  const ways: Way[] = account === undefined
    ? await waysToBegin(options, onTightened)
    : [{ by: "login", clientId: account.clientId }];
  const key = await folder.loadKey();
  for (;;) {
    const way = ways.shift() as Way;
    const { exchange, fingerprint } = await openChannel(options);
    try {
      const welcome = await introduce(exchange, { key, fingerprint }, way);
      await keepAccount(options, folder, account, way, welcome);
      return { exchange, window: Math.max(1, welcome.window) };
    } catch (error) {
      exchange[Symbol.dispose]();
      const goesOn = error instanceof RefusedError && error.code === "no-such-account";
      if (!goesOn || ways.length === 0) throw error;
    }
  }
}

/** How to get in without an account of protocol 4: one of protocol 3 is taken over, where the server knows it. */
async function waysToBegin(
  { identityFolder, userName: name, token }: SecureOptions,
  onTightened: (path: string) => void,
): Promise<Way[]> {
  const register: Way = { by: "register", name, token: token ?? "" };
  if (token !== undefined) return [register];
  const identities = new IdentityFolder(identityFolder, (event) => {
    if (event.type === "tightened") onTightened(event.path);
  });
  const identity = await identities.load();
  if (identity?.name !== name) return [register];
  const { clientId, privateKey } = identity;
  return [{ by: "claim", name, clientId, privateKey }, register];
}

/** A secure connection to the server that is expected. */
async function openChannel(options: SecureOptions) {
  const { server } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const answer = await findSecure(server, timeouts);
  if (answer === undefined) throw notSpoken(server);
  const fingerprint = await readFingerprint(answer.certificate);
  await judgeServer(options, fingerprint);
  const socket = await openSecurely(server, answer, fingerprint, timeouts);
  options.onEvent?.({ type: "secure", server, fingerprint: formatFingerprint(fingerprint) });
  return { exchange: new Exchange(socket, timeouts, options.rate), fingerprint };
}

/** Writes down who the server says that the client is. Throws `ConfigurationError` `other-identity`. */
async function keepAccount(
  { userName, onEvent }: SecureOptions,
  folder: AccountFolder,
  before: Account | undefined,
  way: Way,
  { name, clientId }: MessageOf<"welcome">,
): Promise<void> {
  // A name is a word of the server's: it goes into a file and onto the terminal.
  if (!isUserName(name)) throw new ProtocolError("bad-welcome", "The server gives no user name");
  if (before?.name !== name) await folder.saveAccount({ name, clientId });
  if (before === undefined) {
    onEvent?.({ type: way.by === "claim" ? "claimed" : "registered", clientId });
  } else if (before.name !== name) onEvent?.({ type: "renamed", from: before.name, to: name });
  if (name === userName) return;
  throw new ConfigurationError(
    "other-identity",
    `me.account is the account of ${name}, transfer.info names ${printable(userName)}`,
    {
      hint: `Write ${name} into line 2 of transfer.info, or run in another folder to be ` +
        `${printable(userName)}.`,
    },
  );
}

/** Compares a server with what is known of it; one that is new is asked about, and kept. */
async function judgeServer(options: SecureOptions, found: Bytes): Promise<void> {
  const { server, fingerprint, identityFolder, onNewServer } = options;
  if (fingerprint !== undefined) return refuseOther(server, fingerprint, found);
  const known = new KnownServers(identityFolder);
  const before = await known.find(server);
  if (before !== undefined) return refuseOther(server, before, found);
  const shown = formatFingerprint(found);
  if (!(await onNewServer(shown))) {
    throw new ConfigurationError(
      "server-not-trusted",
      `The server at ${formatAddress(server)} is not known yet, and nobody said to trust it: its ` +
        `fingerprint is ${shown}`,
      {
        hint: "Compare it with what the server's operator says, then write it into line 1 of " +
          `transfer.info: xfer://${formatAddress(server)}#${shown}, or take it: --accept-new.`,
      },
    );
  }
  await known.keep(server, found);
}

function notSpoken(server: Address): ProtocolError {
  return new ProtocolError(
    "protocol-4-not-spoken",
    `The server at ${formatAddress(server)} does not speak protocol 4, or somebody between ` +
      "you and it keeps it from saying so",
    { hint: "If you know that it is a server of protocol 3 and trust the network: --protocol 3." },
  );
}
