/**
 * Sends a hello to find out whether a server speaks protocol 4, and at which port.
 *
 * @module
 */
import { type Address, formatAddress, MAX_PORT } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { isGeneralError } from "../../protocol/v3/general_error.ts";
import { NetworkError, ProtocolError, XferError } from "../../protocol/errors.ts";
import { throwIfAborted, whenAborted } from "../../protocol/abort.ts";
import { decodeResponseHeader, isTlsAlert, RESPONSE_HEADER_SIZE } from "../../protocol/header.ts";
import { decodeHelloAnswer, HELLO, type HelloAnswer, isBusy } from "../../protocol/hello.ts";
import { connect, type Timeouts, tlsPort } from "../net/dial.ts";
import type { ConnectOptions } from "./connect_options.ts";

/** The time to wait for an answer, in milliseconds. A server of protocol 3 may ignore a hello. */
const HELLO_MS = 2000;

export type FindOptions = Pick<ConnectOptions, "byProtocol3" | "tracer" | "signal">;

/** The port and the certificate for protocol 4, on the same host. */
export interface DiscoveredServer extends HelloAnswer {
  readonly port: number;
}

/** A server's reaction to a hello without protocol 4. `unanswered` follows "did not offer protocol 4: ". */
export interface Unanswered {
  readonly unanswered: string;
}

/**
 * Sends a hello as {@link askForProtocol4} does. Also throws `NetworkError` `no-hello` if the server reacts like one of
 * protocol 3.
 */
export async function findV4Server(
  address: Address,
  timeouts: Timeouts,
  options: FindOptions = {},
): Promise<DiscoveredServer> {
  const answer = await askForProtocol4(address, timeouts, options);
  if ("unanswered" in answer) throw noHello(address, answer.unanswered, options.byProtocol3);
  return answer;
}

/**
 * Sends a hello to the plain port. Returns {@link Unanswered} only for the reactions of published servers of protocol
 * 3. Throws `NetworkError` `cannot-connect`; `over-limit` if the server has too many connections; `no-hello` if the
 * connection ends within the answer; `ProtocolError` `protocol-4-not-spoken`, `tls-port`; `InterruptedError` after an
 * abort.
 */
export async function askForProtocol4(
  address: Address,
  timeouts: Timeouts,
  { tracer, signal, byProtocol3 }: FindOptions = {},
): Promise<DiscoveredServer | Unanswered> {
  using socket = await connect(address, timeouts, { signal });
  const trace = tracer?.();
  const close = () => socket[Symbol.dispose]();
  const waitMs = Math.min(HELLO_MS, timeouts.responseMs);
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    close();
  }, waitMs);
  using _stopped = whenAborted(signal, close);
  const buffer = new Uint8Array(32 * 1024);
  let filled = 0;
  try {
    for (let done = 0; done < HELLO.length;) done += await socket.write(HELLO.subarray(done));
    trace?.({ from: "client", kind: "hello", size: HELLO.length });
    while (filled < buffer.length) {
      const size = await socket.read(buffer.subarray(filled));
      if (size === null) break;
      filled += size;
      const answer = readAnswer(address, buffer.slice(0, filled));
      if (answer === undefined) continue;
      trace?.({ from: "server", kind: "helloAnswer", size: filled });
      return answer;
    }
  } catch (error) {
    throwIfAborted(signal);
    if (error instanceof ProtocolError && error.code === "protocol-4-not-spoken") {
      throw notSpoken(address, byProtocol3);
    }
    if (error instanceof XferError) throw error;
  } finally {
    clearTimeout(timer);
  }
  const unanswered = isSilent ? `no answer within ${waitMs / 1000} s` : "it closed the connection";
  if (filled > 0) {
    throw noHello(address, `${unanswered} after the beginning of an answer`, byProtocol3);
  }
  return { unanswered };
}

/** Parses the bytes received so far. Returns `undefined` if more are needed. */
function readAnswer(address: Address, bytes: Bytes): DiscoveredServer | Unanswered | undefined {
  if (bytes.length < RESPONSE_HEADER_SIZE) return undefined;
  const header = decodeResponseHeader(bytes);
  if (isTlsAlert(header)) throw tlsPort(address);
  if (isBusy(header)) throw busy(address);
  if (isGeneralError(header)) return { unanswered: "it answered with an error of protocol 3" };
  const answer = decodeHelloAnswer(bytes);
  return answer && { ...answer, port: answer.port === "next" ? portAfter(address) : answer.port };
}

/** Throws `ProtocolError` `protocol-4-not-spoken`. */
function portAfter({ port }: Address): number {
  if (port < MAX_PORT) return port + 1;
  throw new ProtocolError(
    "protocol-4-not-spoken",
    `the server names the port after ${port}, which does not exist`,
  );
}

/** The end of a hint. */
function otherwise(byProtocol3: FindOptions["byProtocol3"]): string {
  if (byProtocol3 !== "possible") return ".";
  return ", or add --protocol 3 if the server has no other and you trust the network.";
}

function noHello(
  server: Address,
  what: string,
  byProtocol3: FindOptions["byProtocol3"],
): NetworkError {
  return new NetworkError(
    "no-hello",
    `the server at ${formatAddress(server)} did not offer protocol 4${
      byProtocol3 === "impossible" ? ", which this command requires" : ""
    }: ${what}`,
    {
      hint: "Check the address, that the server is running, and that nothing on the network path " +
        "interferes" + otherwise(byProtocol3),
    },
  );
}

function busy(server: Address): NetworkError {
  return new NetworkError(
    "over-limit",
    `the server at ${formatAddress(server)} has too many connections, from you or in total`,
    { hint: "End other clients of yours on this server, or try again later." },
  );
}

function notSpoken(server: Address, byProtocol3: FindOptions["byProtocol3"]): ProtocolError {
  return new ProtocolError(
    "protocol-4-not-spoken",
    `the answer from ${formatAddress(server)} is not that of a server of protocol 4`,
    {
      hint: "Check the address and the port" + otherwise(byProtocol3),
    },
  );
}
