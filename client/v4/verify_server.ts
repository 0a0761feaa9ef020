/**
 * Connects to a server over protocol 4 and verifies that it is the expected one.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { ConfigurationError, ProtocolError } from "../../protocol/errors.ts";
import { formatAddress, withoutZone } from "../../protocol/address.ts";
import { throwIfAborted, unlessAborted } from "../../protocol/abort.ts";
import { fingerprintOf, formatFingerprint, isSelfMade } from "../../protocol/v4/fingerprint.ts";
import { fingerprintOfName } from "../../protocol/v4/server_name.ts";
import type { Timeouts } from "../net/dial.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { type KnownAnswer, KnownAnswers } from "../identity/known_answers.ts";
import { type DiscoveredServer, findV4Server } from "./discover.ts";
import { openByName, openPinned } from "./open_tls.ts";
import {
  isSame,
  KnownServers,
  otherServer,
  type ServerIdentity,
} from "../identity/known_servers.ts";

/** Options without the account, which does not matter here. */
export type VerifyServerOptions = Omit<ConnectOptions, "userName" | "token" | "onEvent">;

export interface VerifiedChannel {
  readonly socket: Deno.TlsConn;
  readonly identity: ServerIdentity;
  /** Whether the server was unknown before. It is not in `known_servers` yet. */
  readonly isNew: boolean;
  /** The fingerprint of the server or of its name, which the client signs. */
  readonly fingerprint: Bytes;
  /** The name by which the server was verified, if it was. */
  readonly host: string | undefined;
  /** The server's answer to the hello, from this connection or an earlier one. */
  readonly answer: KnownAnswer;
}

/**
 * Connects to a server and verifies it. Sends nothing about the account. `found`: the server's answer to a hello.
 * Without it, uses the last answer of a known server. Sends a hello to an unknown server and to one that has changed.
 *
 * Throws `NetworkError` `cannot-connect`, `no-hello`, `no-secure-channel`; `ProtocolError` `protocol-4-not-spoken`;
 * `ConfigurationError` `other-server`, `server-not-trusted`, `server-not-verified`, `bad-ca-cert`; `InterruptedError`
 * after an abort.
 */
export async function connectVerified(
  options: VerifyServerOptions,
  timeouts: Timeouts,
  found?: DiscoveredServer,
): Promise<VerifiedChannel> {
  const { server, signal } = options;
  const known = found === undefined ? await lastAnswer(options) : undefined;
  if (known !== undefined) {
    try {
      return await connectBy(known, options, timeouts);
    } catch {
      // The answer to a hello says what has changed.
      throwIfAborted(signal);
    }
  }
  return await connectBy(found ?? await findV4Server(server, timeouts, options), options, timeouts);
}

/** The last answer of a server that the client knows. An unknown one gets a hello before the user decides. */
async function lastAnswer(
  { server, fingerprint, identityFolder }: VerifyServerOptions,
): Promise<KnownAnswer | undefined> {
  const isKnown = fingerprint !== undefined ||
    await new KnownServers(identityFolder).find(server) !== undefined;
  return isKnown ? await new KnownAnswers(identityFolder).find(server) : undefined;
}

/** Connects to a server at the port of its answer, and verifies it. */
async function connectBy(
  answer: KnownAnswer,
  options: VerifyServerOptions,
  timeouts: Timeouts,
): Promise<VerifiedChannel> {
  const { server, identityFolder, signal } = options;
  const identity = await readIdentity(answer.certificate);
  const isNew = await checkServer(options, identity);
  if (identity !== "pki") {
    const socket = await openPinned(server, answer, identity, timeouts, signal);
    return { socket, identity, isNew, fingerprint: identity, host: undefined, answer };
  }
  const known = new KnownServers(identityFolder);
  const caCerts = options.caCerts ?? await known.authoritiesOf(server);
  const host = withoutZone(server.hostname);
  const socket = await openByName(server, answer.port, caCerts, timeouts, signal);
  // TLS does not report the certificate that it verified, and the one in the answer to the hello may be another. So the
  // client signs the name.
  return { socket, identity, isNew, fingerprint: await fingerprintOfName(host), host, answer };
}

/**
 * Compares a server with what the client knows of it. Asks the user about an unknown server without a certificate from
 * a CA. Returns whether to add the server to `known_servers` once it has proven its identity.
 */
async function checkServer(options: VerifyServerOptions, found: ServerIdentity): Promise<boolean> {
  const { server, fingerprint: pinned, identityFolder, onNewServer, signal } = options;
  const known = pinned ?? await new KnownServers(identityFolder).find(server);
  if (known !== undefined) {
    if (isSame(known, found)) return false;
    throw otherServer(server, { expected: known, found, pinned: pinned !== undefined });
  }
  if (found === "pki") return true;
  const shown = formatFingerprint(found);
  if (await unlessAborted(signal, Promise.resolve(onNewServer(shown)))) return true;
  throw new ConfigurationError(
    "server-not-trusted",
    `the server at ${
      formatAddress(server)
    } is unknown and not trusted; its fingerprint is ${shown}`,
    {
      hint:
        "Compare the fingerprint with the one from the server's operator, and write the server " +
        `as xfer://${
          formatAddress(server)
        }#${shown} in line 1 of transfer.info or --server, or add --accept-new.`,
    },
  );
}

/**
 * Returns how to identify a server with this certificate: by its fingerprint if the certificate is self-signed,
 * otherwise by its name. Throws `ProtocolError` `bad-certificate`.
 */
async function readIdentity(certificate: Bytes): Promise<ServerIdentity> {
  try {
    const fingerprint = await fingerprintOf(certificate);
    return isSelfMade(certificate, fingerprint) ? fingerprint : "pki";
  } catch (cause) {
    throw new ProtocolError("bad-certificate", "cannot read the certificate of the server", {
      cause,
    });
  }
}
