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
import { DEFAULT_TIMEOUTS, type Timeouts } from "../connection.ts";
import type { SourceFile } from "../source_file.ts";
import { AccountFolder } from "./account.ts";
import { findSecure, openSecurely, readFingerprint, refuseOther } from "./channel.ts";
import { Exchange } from "./exchange.ts";
import { introduce } from "./introduction.ts";
import { KnownServers } from "./known_servers.ts";

export interface SecureOptions {
  readonly server: Address;
  /** What line 1 of transfer.info says, where it does. */
  readonly fingerprint?: Bytes | undefined;
  readonly userName: string;
  /** The folder with `me.key`, `me.account` and `known_servers`. */
  readonly identityFolder: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Asked about a server that is met for the first time: whether to trust it. */
  readonly onNewServer: (fingerprint: string) => boolean | Promise<boolean>;
  readonly onEvent?: (event: SecureEvent) => void;
}

export type SecureEvent =
  | { readonly type: "secure"; readonly server: Address; readonly fingerprint: string }
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
 * `protocol-4-not-spoken`; `ConfigurationError` `other-server`, `server-not-trusted`, `other-identity`; `RefusedError`.
 */
export async function openSession(options: SecureOptions): Promise<Session> {
  keepFreedMemory();
  const { server, identityFolder, userName } = options;
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
  const answer = await findSecure(server, timeouts);
  if (answer === undefined) throw notSpoken(server);
  const fingerprint = await readFingerprint(answer.certificate);
  const isNew = await judgeServer(options, fingerprint);
  const socket = await openSecurely(server, answer, fingerprint, timeouts);
  // Who has shown that the key is its own is kept, not a certificate that anybody could have sent.
  if (isNew) await new KnownServers(identityFolder).keep(server, fingerprint);
  options.onEvent?.({ type: "secure", server, fingerprint: formatFingerprint(fingerprint) });
  const exchange = new Exchange(socket, timeouts);
  try {
    const welcome = await introduce(exchange, { key, account, userName, fingerprint });
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

/** Compares a server with what is known of it; one that is new is asked about. Returns whether it is. */
async function judgeServer(options: SecureOptions, found: Bytes): Promise<boolean> {
  const { server, fingerprint, identityFolder, onNewServer } = options;
  const expected = fingerprint ?? await new KnownServers(identityFolder).find(server);
  if (expected !== undefined) {
    refuseOther(server, expected, found);
    return false;
  }
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
  return true;
}

function notSpoken(server: Address): ProtocolError {
  return new ProtocolError(
    "protocol-4-not-spoken",
    `The server at ${formatAddress(server)} does not speak protocol 4, or somebody between ` +
      "you and it keeps it from saying so",
    { hint: "If you know that it is a server of protocol 3 and trust the network: --protocol 3." },
  );
}
