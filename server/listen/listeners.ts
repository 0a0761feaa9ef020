/**
 * The addresses on which the server listens, and the protocol that it speaks there.
 *
 * @module
 */
import { type Address, formatAddress, MAX_PORT } from "../../protocol/address.ts";
import { DEFAULT_SERVED } from "../../protocol/v3/editions/mod.ts";
import type { Edition } from "../../protocol/v3/editions/edition.ts";
import { NetworkError, reasonOf } from "../../protocol/errors.ts";
import { formatFingerprint, formatLocation, type Location } from "../../protocol/v4/fingerprint.ts";
import type { HelloAnswer } from "../../protocol/hello.ts";
import type { LimitError } from "../limits/limits.ts";
import { sendAtOnce } from "./no_delay.ts";
import type { TcpSocket } from "./peer_socket.ts";
import { type BalancerOptions, ProxiedListener } from "./proxied_listener.ts";
import { TlsRelay } from "./tls_relay.ts";
import type { TlsIdentity } from "./tls/identity.ts";
import type { Properties } from "../monitor/event_stream.ts";

/** An address to listen on. Port 0 takes any free port. */
export interface ListenOptions extends Address {
  /** The editions of protocol 3 to serve there; `DEFAULT_SERVED` by default. */
  readonly editions?: readonly Edition[];
}

/** The address and ports at which clients reach a server. */
export interface Advertised {
  /** The plain port, as clients see it. */
  readonly address: Address;
  /** The port of protocol 4 on that host; `next`: the one after the plain port. */
  readonly tlsPort: number | "next";
}

/** A connection of either protocol. */
export interface OpenConnection {
  /** Serves the peer until it disconnects, violates the protocol or is closed. Never rejects. */
  serve(): Promise<void>;
  /** Answers that the server is full and ends the connection, at once if the signal aborts. Never rejects. */
  rejectBusy(error: LimitError, signal: AbortSignal): Promise<void>;
  /** Ends the connection as soon as no upload is in progress or waits for its confirmation. */
  finish(): void;
  /** Closes the connection at once. Its work fails for this reason. */
  close(reason: string): void;
}

/** A peer that was accepted, and its protocol. */
export type AcceptedSocket = AcceptedPlain | AcceptedSecure;

export interface AcceptedPlain {
  readonly protocol: 3;
  readonly socket: TcpSocket;
  /** The editions that are served at the address at which the peer connected. */
  readonly editions: readonly Edition[];
}

export interface AcceptedSecure {
  readonly protocol: 4;
  readonly socket: TcpSocket;
  /** Resolves after the socket is closed and the peer has what was sent, if a relay sends it. */
  readonly ended?: Promise<void>;
  /** The identity that the peer was shown. */
  readonly identity: TlsIdentity;
}

export interface Listener {
  readonly address: Address;
  accept(): Promise<AcceptedSocket>;
  close(): void;
  readonly announcement: Announcement;
}

/** The log line for a listener. A link is at its end, so that it can be selected whole. */
export interface Announcement {
  readonly words: string;
  readonly link?: string;
  readonly properties: Properties;
}

/** A listener of protocol 4. */
export interface SecureListener extends Listener {
  /** The identity that peers are shown. */
  readonly identity: TlsIdentity;
  /** The answer to a hello. */
  readonly helloAnswer: HelloAnswer;
}

/** The ports and addresses around a listener of protocol 4. */
export interface SecureSurroundings {
  /** The plain port that answers hellos. */
  readonly plain: Address;
  readonly advertised: Advertised | undefined;
  readonly balancers: BalancerOptions | undefined;
}

/** Listens on all addresses or on none. Throws `NetworkError` `cannot-listen`. */
export function listenAll(
  addresses: readonly ListenOptions[],
  balancers?: BalancerOptions,
): Listener[] {
  const listeners: Listener[] = [];
  try {
    for (const address of addresses) listeners.push(listenPlain(address, balancers));
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
}

function listenPlain(
  { editions = DEFAULT_SERVED, ...address }: ListenOptions,
  balancers: BalancerOptions | undefined,
): Listener {
  const tcp = listening(address, "--listen", () => Deno.listen(address));
  const where = addressOf(tcp.addr, address);
  const socket = balancers === undefined
    ? atOnce(tcp)
    : new ProxiedListener(tcp, balancers, (client) => Promise.resolve(client));
  return {
    address: where,
    accept: async () => ({ protocol: 3, socket: await socket.accept(), editions }),
    close: () => socket.close(),
    announcement: {
      words: "Listening on {address} for protocol 3 (editions {editions})",
      properties: {
        event: "server.listening",
        address: formatAddress(where),
        port: where.port,
        editions: editions.map(({ name }) => name).join(", "),
      },
    },
  };
}

/** A listener whose connections send small messages at once. */
function atOnce(listener: Deno.TcpListener): Pick<Deno.TcpListener, "accept" | "close"> {
  return {
    accept: async () => {
      const connection = await listener.accept();
      connection.setNoDelay();
      return connection;
    },
    close: () => listener.close(),
  };
}

/**
 * Listens for protocol 4. Hellos at `plain` are answered with its port. `beside`: the port after that of `plain`, or
 * any free one if that is taken. Throws `NetworkError` `cannot-listen`.
 */
export function listenSecurely(
  where: Address | "beside",
  { plain, advertised, balancers }: SecureSurroundings,
  identity: TlsIdentity,
): SecureListener {
  const { rawCertificate, fingerprint } = identity;
  const open = (address: Address) =>
    listening(address, "--tls-listen", () => openTls(address, identity, balancers));
  const { addr, accept, close } = where === "beside" ? openBeside(plain, open) : open(where);
  const address = addressOf(addr, where === "beside" ? plain : where);
  const { port } = address;
  return {
    address,
    accept: async () => ({ protocol: 4, identity, ...await accept() }),
    close,
    identity,
    announcement: {
      words: "Listening on {address} for protocol 4",
      properties: {
        event: "server.listening-securely",
        address: formatAddress(address),
        port,
        fingerprint: formatFingerprint(fingerprint),
        location: formatLocation(locate(plain, identity, advertised?.address)),
      },
      link: "; line 1 of transfer.info: {location}",
    },
    helloAnswer: { port: advertised?.tlsPort ?? port, certificate: rawCertificate },
  };
}

/** A socket that listens for TLS. */
interface TlsListening {
  readonly addr: Deno.NetAddr;
  accept(): Promise<Pick<AcceptedSecure, "socket" | "ended">>;
  close(): void;
}

function openTls(
  address: Address,
  { key, certificate: cert }: TlsIdentity,
  balancers: BalancerOptions | undefined,
): TlsListening {
  if (balancers === undefined) {
    const listener = Deno.listenTls({ ...address, key, cert });
    sendAtOnce(listener.addr.port);
    const accept = async () => ({ socket: await listener.accept() });
    return { addr: listener.addr, accept, close: () => listener.close() };
  }
  const listener = Deno.listen(address);
  const relay = new TlsRelay(cert, key);
  const proxied = new ProxiedListener(listener, balancers, (client) => relay.open(client));
  return {
    addr: listener.addr,
    accept: () => proxied.accept(),
    close: () => {
      proxied.close();
      relay.close();
    },
  };
}

function openBeside<T>({ hostname, port }: Address, open: (address: Address) => T): T {
  if (port >= MAX_PORT) return open({ hostname, port: 0 });
  try {
    return open({ hostname, port: port + 1 });
  } catch {
    return open({ hostname, port: 0 });
  }
}

/** The location that clients write into line 1, with a host name of the certificate or with the fingerprint. */
function locate(
  plain: Address,
  { fingerprint, names }: TlsIdentity,
  advertised: Address | undefined,
): Location {
  const address = advertised ?? reachable(plain);
  if (names === undefined) return { address, secure: true, fingerprint };
  const hostname = advertised?.hostname ?? names.find((name) => !name.includes("*")) ??
    address.hostname;
  return { address: { ...address, hostname }, secure: true, fingerprint: undefined };
}

/** An address at which others may reach a server that listens on all addresses. */
export function reachable({ hostname, port }: Address): Address {
  const everywhere = hostname === "0.0.0.0" || hostname === "::";
  return { hostname: everywhere ? Deno.hostname() : hostname, port };
}

/** The address of a socket, with the zone of the requested address, which Deno omits. */
function addressOf({ hostname, port }: Deno.NetAddr, asked: Address): Address {
  return { hostname: asked.hostname.includes("%") ? asked.hostname : hostname, port };
}

function listening<T>(address: Address, option: string, listen: () => T): T {
  try {
    return listen();
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new NetworkError(
      "cannot-listen",
      `cannot listen on ${formatAddress(address)}: ${reason}`,
      { hint: `Choose another address with ${option} HOST:PORT.`, cause },
    );
  }
}
