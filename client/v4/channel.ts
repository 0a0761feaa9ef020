/**
 * The way to a server of protocol 4: finding it, seeing that it is the one, and TLS.
 *
 * @module
 */
import {
  type Address,
  type Bytes,
  ConfigurationError,
  equalBytes,
  formatAddress,
  NetworkError,
  printable,
  ProtocolError,
} from "../../protocol/mod.ts";
import {
  certificateName,
  fingerprintOf,
  formatFingerprint,
} from "../../protocol/v4/fingerprint.ts";
import { decodeHelloAnswer, HELLO, type HelloAnswer } from "../../protocol/v4/hello.ts";
import { toPem } from "../../protocol/v4/pem.ts";
import { connect, type Timeouts } from "../connection.ts";

/** A server of protocol 3 may say nothing to what it does not know; so long is waited, in milliseconds. */
const HELLO_MS = 2000;

/**
 * Asks at the plain port for protocol 4; `undefined` where it is not spoken, or not admitted to. Throws `NetworkError`
 * `cannot-connect`.
 */
export async function findSecure(
  address: Address,
  timeouts: Timeouts,
): Promise<HelloAnswer | undefined> {
  using socket = await connect(address, timeouts);
  const timer = setTimeout(() => socket.close(), HELLO_MS);
  const buffer = new Uint8Array(32 * 1024);
  try {
    for (let done = 0; done < HELLO.length;) done += await socket.write(HELLO.subarray(done));
    for (let filled = 0; filled < buffer.length;) {
      const size = await socket.read(buffer.subarray(filled));
      if (size === null) return undefined;
      filled += size;
      const answer = decodeHelloAnswer(buffer.slice(0, filled));
      if (answer !== undefined) return answer;
    }
    return undefined;
  } catch {
    return undefined; // closed, reset, or an answer of another kind
  } finally {
    clearTimeout(timer);
  }
}

/** The fingerprint of who shows a certificate. Throws `ProtocolError` `bad-certificate`. */
export async function readFingerprint(certificate: Bytes): Promise<Bytes> {
  try {
    return await fingerprintOf(certificate);
  } catch (cause) {
    throw new ProtocolError("bad-certificate", "The server shows no certificate that can be read", {
      cause,
    });
  }
}

/** Throws `ConfigurationError` `other-server` where a server is not the one that is expected. */
export function refuseOther(address: Address, expected: Bytes, found: Bytes): void {
  if (equalBytes(expected, found)) return;
  throw new ConfigurationError(
    "other-server",
    `The server at ${formatAddress(address)} is not the one that is expected: its fingerprint is ` +
      `${formatFingerprint(found)}, expected was ${formatFingerprint(expected)}`,
    {
      hint:
        "Either somebody between you and the server pretends to be it, or the server has a new " +
        "key. Ask its operator, by another way, for the fingerprint. If that is the new one, write " +
        "it into line 1 of transfer.info, or remove the server's line from known_servers.",
    },
  );
}

/**
 * TLS with the server that has shown this certificate, and no other: the name in it can be issued by nobody else.
 * Throws `NetworkError` `cannot-connect`, `ProtocolError` `bad-certificate`.
 */
export async function openSecurely(
  address: Address,
  answer: HelloAnswer,
  fingerprint: Bytes,
  timeouts: Timeouts,
): Promise<Deno.TlsConn> {
  const secureAddress = { hostname: address.hostname, port: answer.port };
  const socket = await connect(secureAddress, timeouts);
  const timer = setTimeout(() => socket.close(), timeouts.connectMs);
  try {
    const tls = await Deno.startTls(socket, {
      hostname: certificateName(fingerprint),
      caCerts: [toPem("CERTIFICATE", answer.certificate)],
    });
    await tls.handshake();
    return tls;
  } catch (cause) {
    const reason = printable(cause instanceof Error ? cause.message : String(cause));
    const where = formatAddress(secureAddress);
    throw new NetworkError("no-secure-channel", `Cannot speak to ${where} securely: ${reason}`, {
      hint: "Either something between you and the server interferes, or the server was restarted " +
        "with another key at this moment. Nothing was sent.",
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
