/**
 * Opens TLS connections to servers over protocol 4.
 *
 * @module
 */
import { abortReason, throwIfAborted, whenAborted } from "../../protocol/abort.ts";
import { type Address, formatAddress, withoutZone } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ConfigurationError, NetworkError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { toPem } from "../../protocol/encoding/pem.ts";
import { certificateName } from "../../protocol/v4/fingerprint.ts";
import { connect, type Timeouts } from "../net/dial.ts";
import type { DiscoveredServer } from "./discover.ts";

/**
 * Opens TLS to a server with exactly this certificate: nobody else can be issued the name in it. Throws `NetworkError`
 * `cannot-connect`, `no-secure-channel`, and `InterruptedError` after an abort.
 */
export async function openPinned(
  address: Address,
  answer: DiscoveredServer,
  fingerprint: Bytes,
  timeouts: Timeouts,
  signal?: AbortSignal,
): Promise<Deno.TlsConn> {
  const tlsAddress = { hostname: address.hostname, port: answer.port };
  const pinned = {
    hostname: certificateName(fingerprint),
    caCerts: [toPem("CERTIFICATE", answer.certificate)],
  };
  return await openTls(tlsAddress, pinned, timeouts, signal);
}

/**
 * Opens TLS to a server with a certificate from a CA for its host name. Does not rely on the server's answer to the
 * hello. `caCerts`: CA certificates, in PEM, in addition to those of Deno. Throws `NetworkError` `cannot-connect`,
 * `no-secure-channel`; `ConfigurationError` `server-not-verified`; `InterruptedError` after an abort.
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
      `cannot verify the certificate of the server at ${formatAddress(address)}: ${reason}`,
      {
        hint: "Ask the server's operator whether the certificate is valid for this name, or name " +
          "the certificate of a private CA with --ca-cert FILE.",
        cause,
      },
    );
  }
}

/** The beginning of rustls's errors about invalid certificates. */
const NOT_VERIFIED = "invalid peer certificate:";

/** For a TLS port that does not answer although the plain port did. */
const UNREACHED =
  "Check that firewalls let this port through, or ask the server's operator to set " +
  "--advertise HOST:PORT,TLS-PORT if it has another number outside.";

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
  using _stopped = whenAborted(signal, () => ended.reject(abortReason(signal as AbortSignal)));
  const completeHandshake = async () => {
    const tls = await Deno.startTls(socket, options);
    connection = tls;
    await tls.handshake();
    return tls;
  };
  try {
    const shaking = completeHandshake();
    shaking.catch(() => undefined);
    return await Promise.race([shaking, ended.promise]);
  } catch (cause) {
    closeOnce(connection);
    throwIfAborted(signal);
    const reason = reasonOf(cause);
    const where = formatAddress(address);
    throw new NetworkError(
      "no-secure-channel",
      `cannot open a secure connection to ${where}: ${reason}`,
      {
        hint: "Try again, and if it fails again, try another network: something may interfere.",
        cause,
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** After `startTls`, Deno may have closed the socket already. */
function closeOnce(connection: { close(): void }): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
