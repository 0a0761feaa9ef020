/**
 * Connecting to a server by TCP.
 *
 * @module
 */
import { abortReason, throwIfAborted, whenAborted } from "../../protocol/abort.ts";
import { type Address, formatAddress } from "../../protocol/address.ts";
import { NetworkError, ProtocolError, reasonOf } from "../../protocol/errors.ts";

/** How long a client waits. */
export interface Timeouts {
  /** For a connection, in milliseconds. */
  readonly connectMs: number;
  /** For a response, in milliseconds. A server may have to sync gigabytes to its disk before it answers. */
  readonly responseMs: number;
}

/** How long a client waits by default. */
export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 15_000, responseMs: 120_000 };

/** A `ProtocolError` for an address at which TLS is spoken, where it should be the plain port. */
export function tlsPort({ hostname, port }: Address): ProtocolError {
  const plain = formatAddress({ hostname, port: port - 1 });
  return new ProtocolError(
    "tls-port",
    `${formatAddress({ hostname, port })} is a TLS port; the server's plain port is needed here`,
    {
      hint: `The plain port is usually one lower: ${plain}. The server's log names it first. ` +
        "Correct line 1 of transfer.info, or --server.",
    },
  );
}

/** What connects: `Deno.connect`, or a test's. */
export type Dial = (options: Deno.ConnectOptions) => Promise<Deno.TcpConn>;

export interface DialOptions {
  readonly dial?: Dial;
  readonly signal?: AbortSignal | undefined;
  /** What to do where it fails. */
  readonly hint?: string;
}

const CHECK_ADDRESS = "Check the address, and that the server is running.";

/** Throws `NetworkError` `cannot-connect`, and `InterruptedError` after an abort. */
export async function connect(
  address: Address,
  { connectMs }: Timeouts,
  { dial = Deno.connect, signal, hint = CHECK_ADDRESS }: DialOptions = {},
): Promise<Deno.TcpConn> {
  throwIfAborted(signal);
  const ended = Promise.withResolvers<never>();
  const controller = new AbortController();
  // The signal does not reach the look-up of a name, which can take as long as it likes.
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
      `Cannot connect to ${formatAddress(address)}: ${reason}`,
      { hint, cause },
    );
  } finally {
    clearTimeout(timer);
  }
}
