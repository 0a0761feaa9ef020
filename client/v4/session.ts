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
  keepFreedMemory,
  printable,
  ProtocolError,
} from "../../protocol/mod.ts";
import { formatFingerprint } from "../../protocol/v4/fingerprint.ts";
import { fingerprintOfName } from "../../protocol/v4/server_name.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "../connection.ts";
import type { SourceFile } from "../source_file.ts";
import { AccountFolder } from "./account.ts";
import { findSecure, openByName, openSecurely, readIdentity } from "./channel.ts";
import { Exchange } from "./exchange.ts";
import { introduce } from "./introduction.ts";
import { isSame, KnownServers, type ServerIdentity } from "./known_servers.ts";
import { otherServer } from "./other_server.ts";

export interface SecureOptions {
  readonly server: Address;
  /** What line 1 of transfer.info says, where it does. */
  readonly fingerprint?: Bytes | undefined;
  /** Certificates of authorities, in PEM, that are trusted beside those that Deno trusts. */
  readonly caCerts?: readonly string[];
  readonly userName: string;
  /** The folder with `me.key`, `me.account` and `known_servers`. */
  readonly identityFolder: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Asked about a server that is met for the first time: whether to trust it. */
  readonly onNewServer: (fingerprint: string) => boolean | Promise<boolean>;
  readonly onEvent?: (event: SecureEvent) => void;
}

export type SecureEvent =
  | {
    readonly type: "secure";
    readonly server: Address;
    /** `undefined` where an authority vouches for the server's name. */
    readonly fingerprint: string | undefined;
  }
  | { readonly type: "registered"; readonly clientId: Bytes }
  | { readonly type: "tightened"; readonly path: string }
  | { readonly type: "sending"; readonly file: SourceFile; readonly attempt: number }
  | { readonly type: "progress"; readonly file: SourceFile; readonly sent: number };

/** A connection on which the server knows who the client is. */
export interface Session {
  readonly exchange: Exchange;
  /** How many puts may be unanswered. */
  readonly window: number;
}

/**
 * Connects and gets in. Throws `NetworkError` `cannot-connect`, `no-secure-channel`; `ProtocolError`
 * `protocol-4-not-spoken`; `ConfigurationError` `other-server`, `server-not-trusted`, `server-not-verified`,
 * `other-identity`; `RefusedError`.
 */
export async function openSession(options: SecureOptions): Promise<Session> {
  keepFreedMemory();
  const { identityFolder, userName } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const onTightened = (path: string) => options.onEvent?.({ type: "tightened", path });
  const folder = new AccountFolder(identityFolder, onTightened);
  const account = await folder.loadAccount();
  if (account !== undefined && account.name !== userName) {
    throw new ConfigurationError(
      "other-identity",
      `me.account is the account of ${printable(account.name)}, transfer.info names ${userName}`,
      { hint: `Correct line 2, or run in another folder to be ${userName}.` },
    );
  }
  const key = await folder.loadKey();
  const { socket, fingerprint, host } = await openChannel(options, timeouts);
  const exchange = new Exchange(socket, timeouts);
  try {
    // At once: the server speaks first, and an answer that nobody waits for is passed over.
    const welcome = await introduce(exchange, { key, account, userName, fingerprint, host });
    if (account === undefined) {
      await folder.saveAccount({ name: userName, clientId: welcome.clientId });
      options.onEvent?.({ type: "registered", clientId: welcome.clientId });
    }
    return { exchange, window: Math.max(1, welcome.window) };
  } catch (error) {
    exchange[Symbol.dispose]();
    throw error;
  }
}

interface Channel {
  readonly socket: Deno.TlsConn;
  /** Of the server, or of its name: what the client signs. */
  readonly fingerprint: Bytes;
  /** The name by which the server was verified, where it was. */
  readonly host: string | undefined;
}

/** Finds the server, sees that it is the one that is expected, and keeps one that is new. */
async function openChannel(options: SecureOptions, timeouts: Timeouts): Promise<Channel> {
  const { server, identityFolder, caCerts = [] } = options;
  const answer = await findSecure(server, timeouts);
  if (answer === undefined) throw notSpoken(server);
  const identity = await readIdentity(answer.certificate);
  const isNew = await judgeServer(options, identity);
  const byName = identity === "pki";
  const socket = byName
    ? await openByName(server, answer.port, caCerts, timeouts)
    : await openSecurely(server, answer, identity, timeouts);
  try {
    if (isNew) await new KnownServers(identityFolder).keep(server, identity);
    const shown = byName ? undefined : formatFingerprint(identity);
    options.onEvent?.({ type: "secure", server, fingerprint: shown });
    // TLS does not tell which certificate was shown: what is signed must not come from the answer to the hello.
    const fingerprint = byName ? await fingerprintOfName(server.hostname) : identity;
    return { socket, fingerprint, host: byName ? server.hostname : undefined };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * Compares a server with what is known of it; one that is new, and that no authority vouches for, is asked about. Returns
 * whether it is to be kept once the channel has proven it.
 */
async function judgeServer(options: SecureOptions, found: ServerIdentity): Promise<boolean> {
  const { server, fingerprint: pinned, identityFolder, onNewServer } = options;
  const known = pinned ?? await new KnownServers(identityFolder).find(server);
  if (known !== undefined) {
    if (isSame(known, found)) return false;
    throw otherServer(server, { expected: known, found, pinned: pinned !== undefined });
  }
  if (found === "pki") return true;
  const shown = formatFingerprint(found);
  if (await onNewServer(shown)) return true;
  throw new ConfigurationError(
    "server-not-trusted",
    `The server at ${formatAddress(server)} is not known yet, and nobody said to trust it: its ` +
      `fingerprint is ${shown}`,
    {
      hint: "Compare it with what the server's operator says, then write it into line 1 of " +
        `transfer.info: xfer://${formatAddress(server)}#${shown}, or take it: --accept-new. ` +
        "Protocol 3, which is not safe on a hostile network, needs no trust: --protocol 3.",
    },
  );
}

function notSpoken(server: Address): ProtocolError {
  return new ProtocolError(
    "protocol-4-not-spoken",
    `The server at ${formatAddress(server)} does not speak protocol 4, or somebody between ` +
      "you and it keeps it from saying so",
    { hint: "If you know that it is a server of protocol 3 and trust the network: --protocol 3." },
  );
}
