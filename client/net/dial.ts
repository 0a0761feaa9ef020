/**
 * Opens TCP connections to servers.
 *
 * @module
 */
import { abortReason, throwIfAborted, whenAborted } from "../../protocol/abort.ts";
import { type Address, formatAddress } from "../../protocol/address.ts";
import { NetworkError, ProtocolError, reasonOf } from "../../protocol/errors.ts";

/** The time for which a client waits for a server. */
export interface Timeouts {
  /** For a connection, in milliseconds. */
  readonly connectMs: number;
  /** For a response, in milliseconds. A server may have to sync gigabytes to its disk before it answers. */
  readonly responseMs: number;
}

/** The default timeouts: 15 s for a connection, 120 s for a response. */
export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 15_000, responseMs: 120_000 };

/** A `ProtocolError` for an address that expects TLS, where the plain port is needed. */
export function tlsPort({ hostname, port }: Address): ProtocolError {
  const plain = formatAddress({ hostname, port: port - 1 });
  return new ProtocolError(
    "tls-port",
    `${formatAddress({ hostname, port })} is the server's TLS port, not its plain port`,
    {
      hint:
        `Use the plain port, usually one lower (${plain}), in line 1 of transfer.info or --server.`,
    },
  );
}

/** Opens a connection: `Deno.connect`, or a test's replacement. */
export type Dial = (options: Deno.ConnectOptions) => Promise<Deno.TcpConn>;

export interface DialOptions {
  readonly dial?: Dial;
  readonly signal?: AbortSignal | undefined;
  /** What to do if the connection fails. */
  readonly hint?: string;
}

const CHECK_ADDRESS = "Check the address and that the server is running.";

/** Opens a TCP connection. Throws `NetworkError` `cannot-connect`, and `InterruptedError` after an abort. */
export async function connect(
  address: Address,
  { connectMs }: Timeouts,
  { dial = Deno.connect, signal, hint = CHECK_ADDRESS }: DialOptions = {},
): Promise<Deno.TcpConn> {
  throwIfAborted(signal);
  const ended = Promise.withResolvers<never>();
  const controller = new AbortController();
  // The signal does not end a name lookup, which can take arbitrarily long.
  const end = (why: Error) => {
    controller.abort();
    ended.reject(why);
  };
  const expired = () => end(new Error(`no answer within ${connectMs / 1000} s`));
  const timer = setTimeout(expired, connectMs);
  using _stopped = whenAborted(signal, () => end(abortReason(signal as AbortSignal)));
  const dialling = dial({ ...address, signal: controller.signal });
  try {
    const socket = await Promise.race([dialling, ended.promise]);
    socket.setNoDelay();
    return socket;
  } catch (cause) {
    dialling.then((late) => late.close(), () => undefined);
    throwIfAborted(signal);
    const reason = reasonOf(cause);
    throw new NetworkError(
      "cannot-connect",
      `cannot connect to ${formatAddress(address)}: ${reason}`,
      { hint, cause },
    );
  } finally {
    clearTimeout(timer);
  }
}
