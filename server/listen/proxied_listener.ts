/**
 * Accepts connections. Those of load balancers begin with a header of the PROXY protocol.
 *
 * @module
 */
import { type Address, formatAddress } from "../../protocol/address.ts";
import { ProtocolError, reasonOf } from "../../protocol/errors.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { Log } from "../limits/server_log.ts";
import { isDisconnect, type TcpSocket } from "./peer_socket.ts";
import type { Networks } from "./networks.ts";
import { closeSocket } from "./close_socket.ts";
import { decodeProxyHeader, invalidHeader, MAX_PROXY_HEADER } from "./proxy_header.ts";

export interface BalancerOptions {
  /** The addresses of load balancers. Each of their connections must begin with a header. */
  readonly balancers: Networks;
  /** The time to wait for the header, in milliseconds. */
  readonly headerMs: () => number;
  readonly log: Log;
}

/**
 * The most connections whose header the server waits for. Beyond that, the oldest is closed. Each takes a descriptor and
 * 4 KiB. A balancer sends the header with the connection.
 */
const MAX_PENDING = 1024;

/** The listener was closed meanwhile. */
const CLOSED = new Error("the server is stopping");

/** A connection whose header is awaited. */
interface Pending {
  readonly connection: Deno.TcpConn;
  /** Why the server has closed it. */
  reason: Error | undefined;
}

/** `T`: a connection as `open` returns it, once the header is read. */
export class ProxiedListener<T> {
  readonly #listener: Deno.TcpListener;
  readonly #options: BalancerOptions;
  readonly #open: (socket: TcpSocket) => Promise<T>;
  /** Oldest first. */
  readonly #pending = new Set<Pending>();
  readonly #ready: { readonly connection: Deno.TcpConn; readonly opened: T }[] = [];
  #accepting: Promise<void> | undefined;
  #wake = Promise.withResolvers<void>();
  #closed = false;

  constructor(
    listener: Deno.TcpListener,
    options: BalancerOptions,
    open: (socket: TcpSocket) => Promise<T>,
  ) {
    this.#listener = listener;
    this.#options = options;
    this.#open = open;
  }

  /** Rejects as the listener does. */
  async accept(): Promise<T> {
    for (;;) {
      const ready = this.#ready.shift();
      if (ready !== undefined) return ready.opened;
      this.#accepting ??= this.#accept().finally(() => this.#accepting = undefined);
      await Promise.race([this.#accepting, this.#wake.promise]);
    }
  }

  close(): void {
    this.#closed = true;
    this.#listener.close();
    for (const pending of this.#pending) this.#drop(pending, CLOSED);
    for (const { connection } of this.#ready.splice(0)) closeSocket(connection);
  }

  async #accept(): Promise<void> {
    const connection = await this.#listener.accept();
    connection.setNoDelay();
    void this.#admit(connection);
  }

  /** Never rejects. */
  async #admit(connection: Deno.TcpConn): Promise<void> {
    try {
      const isBalancer = this.#options.balancers.has(connection.remoteAddr.hostname);
      const socket = isBalancer ? await this.#readHeader(connection) : connection;
      if (socket === undefined) return closeSocket(connection);
      const opened = await this.#open(socket);
      if (this.#closed) return closeSocket(connection);
      this.#ready.push({ connection, opened });
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    } catch (error) {
      closeSocket(connection);
      if (!this.#closed) this.#report(connection, error);
    }
  }

  /** The connection of the client; `undefined` if the balancer has disconnected before the header, to check the server. */
  async #readHeader(connection: Deno.TcpConn): Promise<TcpSocket | undefined> {
    const [oldest] = this.#pending;
    if (oldest !== undefined && this.#pending.size >= MAX_PENDING) {
      this.#drop(oldest, new Error(`${MAX_PENDING} connections are waiting for their header`));
    }
    const pending: Pending = { connection, reason: undefined };
    this.#pending.add(pending);
    const late = () => this.#drop(pending, invalidHeader("it did not arrive in time"));
    const id = setTimeout(late, this.#options.headerMs());
    let filled = 0;
    try {
      const buffer = new Uint8Array(MAX_PROXY_HEADER);
      for (;;) {
        const size = await connection.read(buffer.subarray(filled));
        if (size === null && filled === 0) return undefined;
        if (size === null) throw invalidHeader("the connection ended within it");
        filled += size;
        const header = decodeProxyHeader(buffer.subarray(0, filled));
        if (header === undefined) continue;
        return withAddress(connection, header.client, buffer.slice(header.size, filled));
      }
    } catch (error) {
      const isCheck = filled === 0 && pending.reason === undefined && isDisconnect(error);
      if (isCheck) return undefined;
      throw pending.reason ?? error;
    } finally {
      clearTimeout(id);
      this.#pending.delete(pending);
    }
  }

  #report({ remoteAddr }: Deno.TcpConn, error: unknown): void {
    this.#options.log.warn("Closed the connection from {address}: {reason}", {
      event: "connection.refused",
      address: formatAddress(remoteAddr),
      ...(error instanceof ProtocolError ? { code: error.code } : {}),
      reason: reasonOf(error),
    });
  }

  #drop(pending: Pending, reason: Error): void {
    this.#pending.delete(pending);
    pending.reason = reason;
    closeSocket(pending.connection);
  }
}

/** A connection with the address of the client of a balancer, whose first bytes are `rest`. */
function withAddress(
  connection: Deno.TcpConn,
  client: Address | undefined,
  rest: Bytes,
): TcpSocket {
  let left = rest;
  return {
    remoteAddr: client === undefined ? connection.remoteAddr : { transport: "tcp", ...client },
    read: (buffer) => {
      if (left.length === 0) return connection.read(buffer);
      const size = Math.min(left.length, buffer.length);
      buffer.set(left.subarray(0, size));
      left = left.subarray(size);
      return Promise.resolve(size);
    },
    write: (bytes) => connection.write(bytes),
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
  };
}
