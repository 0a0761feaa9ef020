/**
 * The way to a server of protocol 4: finding it, seeing that it is the one, and TLS.
 *
 * @module
 */
import {
  type Address,
  type Bytes,
  ConfigurationError,
  formatAddress,
  MAX_PORT,
  NetworkError,
  printable,
  ProtocolError,
  type Stoppable,
  throwIfStopped,
  whenStopped,
  whyFailed,
  whyStopped,
  withoutZone,
  XferError,
} from "../../protocol/mod.ts";
import { decodeResponseHeader, isTlsAlert, RESPONSE_HEADER_SIZE } from "../../protocol/header.ts";
import { certificateName, fingerprintOf, isSelfMade } from "../../protocol/v4/fingerprint.ts";
import {
  decodeHelloAnswer,
  HELLO,
  type HelloAnswer,
  isBusy,
  isGeneralError,
} from "../../protocol/v4/hello.ts";
import { toPem } from "../../protocol/v4/pem.ts";
import { connect, type Timeouts, tlsPort } from "../connection.ts";
import type { Watchable } from "../watch.ts";
import type { ServerIdentity } from "./known_servers.ts";

/** A server of protocol 3 may say nothing to what it does not know; so long is waited, in milliseconds. */
const HELLO_MS = 2000;

export interface FindOptions extends Watchable, Stoppable {
  /** What protocol 3 is for what is to be done, as hints say it; `undefined` where line 1 rules it out. */
  readonly byProtocol3?: "possible" | "impossible" | undefined;
}

/** Where protocol 4 is spoken, on the host that was asked, and the certificate that is shown there. */
export interface Found extends HelloAnswer {
  readonly port: number;
}

/** How a server of protocol 3 reacts to a hello, as the end of "does not answer as one of protocol 4: …". */
export interface Unanswered {
  readonly unanswered: string;
}

/** Asks as {@link askForProtocol4} does. Throws also `NetworkError` `no-hello` where the server answers as one of protocol 3. */
export async function findSecure(
  address: Address,
  timeouts: Timeouts,
  options: FindOptions = {},
): Promise<Found> {
  const answer = await askForProtocol4(address, timeouts, options);
  if ("unanswered" in answer) throw noHello(address, answer.unanswered, options.byProtocol3);
  return answer;
}

/**
 * Asks at the plain port for protocol 4. {@link Unanswered} is what published servers of protocol 3 do, and nothing else.
 * Throws `NetworkError` `cannot-connect`; `over-limit` where the server has too many connections; `no-hello` where the
 * connection ends within the answer; `ProtocolError` `protocol-4-not-spoken`, `tls-port`; `InterruptedError` where it is
 * to stop.
 */
export async function askForProtocol4(
  address: Address,
  timeouts: Timeouts,
  { watch, signal, byProtocol3 }: FindOptions = {},
): Promise<Found | Unanswered> {
  using socket = await connect(address, timeouts, { signal });
  const observe = watch?.();
  const close = () => socket[Symbol.dispose]();
  const waitMs = Math.min(HELLO_MS, timeouts.responseMs);
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    close();
  }, waitMs);
  using _stopped = whenStopped(signal, close);
  const buffer = new Uint8Array(32 * 1024);
  let filled = 0;
  try {
    for (let done = 0; done < HELLO.length;) done += await socket.write(HELLO.subarray(done));
    observe?.({ from: "client", kind: "hello", size: HELLO.length });
    while (filled < buffer.length) {
      const size = await socket.read(buffer.subarray(filled));
      if (size === null) break;
      filled += size;
      const answer = readAnswer(address, buffer.slice(0, filled));
      if (answer === undefined) continue;
      observe?.({ from: "server", kind: "helloAnswer", size: filled });
      return answer;
    }
  } catch (error) {
    throwIfStopped(signal);
    if (error instanceof ProtocolError && error.code === "protocol-4-not-spoken") {
      throw notSpoken(address, byProtocol3);
    }
    if (error instanceof XferError) throw error;
  } finally {
    clearTimeout(timer);
  }
  const unanswered = isSilent ? `nothing came within ${waitMs / 1000} s` : "it ends the connection";
  if (filled > 0) throw noHello(address, `${unanswered} in the middle of an answer`, byProtocol3);
  return { unanswered };
}

/** What has come so far; `undefined` while more is needed. */
function readAnswer(address: Address, bytes: Bytes): Found | Unanswered | undefined {
  if (bytes.length < RESPONSE_HEADER_SIZE) return undefined;
  const header = decodeResponseHeader(bytes);
  if (isTlsAlert(header)) throw tlsPort(address);
  if (isBusy(header)) throw busy(address);
  if (isGeneralError(header)) return { unanswered: "it answers with an error of protocol 3" };
  const answer = decodeHelloAnswer(bytes);
  return answer && { ...answer, port: answer.port === "next" ? portAfter(address) : answer.port };
}

/** Throws `ProtocolError` `protocol-4-not-spoken`. */
function portAfter({ port }: Address): number {
  if (port < MAX_PORT) return port + 1;
  throw new ProtocolError("protocol-4-not-spoken", `There is no port after ${port}`);
}

/** What else is to be done, as the end of a hint. */
const OTHERWISE = {
  possible: " If you know that it has protocol 3 alone, and trust the network: --protocol 3.",
  impossible: " Without protocol 4 this is not to be had.",
} as const;

function otherwise(byProtocol3: FindOptions["byProtocol3"]): string {
  return byProtocol3 === undefined ? "" : OTHERWISE[byProtocol3];
}

function noHello(
  server: Address,
  what: string,
  byProtocol3: FindOptions["byProtocol3"],
): NetworkError {
  return new NetworkError(
    "no-hello",
    `The server at ${formatAddress(server)} does not answer as one of protocol 4: ${what}`,
    {
      hint:
        "It does not speak protocol 4, or somebody between you and it keeps it from saying so." +
        otherwise(byProtocol3),
    },
  );
}

function busy(server: Address): NetworkError {
  return new NetworkError(
    "over-limit",
    `The server at ${formatAddress(server)} has too many connections, from you or in all`,
    { hint: "End other clients that you have there, or try again later." },
  );
}

function notSpoken(server: Address, byProtocol3: FindOptions["byProtocol3"]): ProtocolError {
  return new ProtocolError(
    "protocol-4-not-spoken",
    `What answers at ${formatAddress(server)} is no server of protocol 4, or somebody between ` +
      "you and it changes its words",
    {
      hint: "Check the address and the port." + otherwise(byProtocol3),
    },
  );
}

/**
 * How a server is known that shows a certificate: by its fingerprint, if it has made it itself; else by its name. Throws
 * `ProtocolError` `bad-certificate`.
 */
export async function readIdentity(certificate: Bytes): Promise<ServerIdentity> {
  try {
    const fingerprint = await fingerprintOf(certificate);
    return isSelfMade(certificate, fingerprint) ? fingerprint : "pki";
  } catch (cause) {
    throw new ProtocolError("bad-certificate", "The server shows no certificate that can be read", {
      cause,
    });
  }
}

/**
 * TLS with the server that has shown this certificate, and no other: the name in it can be issued by nobody else.
 * Throws `NetworkError` `cannot-connect`, `no-secure-channel`, and `InterruptedError` where it is to stop.
 */
export async function openSecurely(
  address: Address,
  answer: Found,
  fingerprint: Bytes,
  timeouts: Timeouts,
  signal?: AbortSignal,
): Promise<Deno.TlsConn> {
  const secureAddress = { hostname: address.hostname, port: answer.port };
  const pinned = {
    hostname: certificateName(fingerprint),
    caCerts: [toPem("CERTIFICATE", answer.certificate)],
  };
  return await openTls(secureAddress, pinned, timeouts, signal);
}

/**
 * TLS with a server that an authority vouches for by the name of its host; what its answer to the hello says of it is
 * not relied on. `caCerts` are authorities, in PEM, beside those that Deno has. Throws `NetworkError` `cannot-connect`,
 * `no-secure-channel`; `ConfigurationError` `server-not-verified`; `InterruptedError` where it is to stop.
 */
export async function openByName(
  address: Address,
  port: number,
  caCerts: readonly string[],
  timeouts: Timeouts,
  signal?: AbortSignal,
): Promise<Deno.TlsConn> {
  const { hostname } = address;
  const byName = { hostname: withoutZone(hostname), caCerts: [...caCerts] };
  try {
    return await openTls({ hostname, port }, byName, timeouts, signal);
  } catch (error) {
    const { cause } = error as NetworkError;
    if (!(cause instanceof Error) || !cause.message.startsWith(NOT_VERIFIED)) throw error;
    const reason = printable(cause.message.slice(NOT_VERIFIED.length).trim());
    throw new ConfigurationError(
      "server-not-verified",
      `No authority that is known here vouches for the server at ${formatAddress(address)}, ` +
        `which shows an authority's certificate: ${reason}`,
      {
        hint: "Either somebody between you and the server pretends to be it, or the server's " +
          "certificate has expired, is for another name, or is from an authority of its own: " +
          "that one's certificate can be named by --ca-cert FILE. Nothing was sent.",
        cause,
      },
    );
  }
}

/** How the errors of rustls begin that say that a certificate is not good. */
const NOT_VERIFIED = "invalid peer certificate:";

/** The plain port has answered. */
const UNREACHED = "The server says that it speaks protocol 4 there. Check that this port passes " +
  "firewalls and port mappings too. If it has another number outside, the server's operator names " +
  "it with --advertise HOST:PORT,TLS-PORT.";

async function openTls(
  address: Address,
  options: Deno.StartTlsOptions,
  timeouts: Timeouts,
  signal: AbortSignal | undefined,
): Promise<Deno.TlsConn> {
  const socket = await connect(address, timeouts, { signal, hint: UNREACHED });
  let connection: { close(): void } = socket;
  const ended = Promise.withResolvers<never>();
  const seconds = timeouts.connectMs / 1000;
  const timer = setTimeout(
    () => ended.reject(new Error(`no answer within ${seconds} s`)),
    timeouts.connectMs,
  );
  using _stopped = whenStopped(signal, () => ended.reject(whyStopped(signal as AbortSignal)));
  const shakeHands = async () => {
    const tls = await Deno.startTls(socket, options);
    connection = tls;
    await tls.handshake();
    return tls;
  };
  try {
    const shaking = shakeHands();
    shaking.catch(() => undefined);
    return await Promise.race([shaking, ended.promise]);
  } catch (cause) {
    closeOnce(connection);
    throwIfStopped(signal);
    const reason = whyFailed(cause);
    const where = formatAddress(address);
    throw new NetworkError("no-secure-channel", `Cannot speak to ${where} securely: ${reason}`, {
      hint: "Either something between you and the server interferes, or the server was restarted " +
        "with another key at this moment. Nothing was sent.",
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** A socket that Deno has taken for TLS is its own to close, whatever became of it. */
function closeOnce(connection: { close(): void }): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
