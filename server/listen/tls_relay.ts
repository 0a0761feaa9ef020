/**
 * TLS on connections whose first bytes are not TLS. A listener of Deno begins TLS with the first byte, so such a
 * connection is passed on to one within this process, over the loopback interface.
 *
 * @module
 */
import type { TcpSocket } from "./peer_socket.ts";
import { sendAtOnce } from "./no_delay.ts";
import { Relay } from "./relay.ts";

const LOOPBACK = "127.0.0.1";
/**
 * The most connections that were accepted and that nobody has claimed yet. Beyond that, the oldest is closed: it is one of
 * another program of this machine, which would have no true address.
 */
const MAX_UNCLAIMED = 64;
/** The time for both ends of a connection to find each other, in milliseconds. They are in this process. */
const MEET_MS = 10_000;
/** The pause after accepting has failed, as without descriptors, in milliseconds. */
const ACCEPT_RETRY_MS = 100;

/** A connection that TLS protects from here on. */
export interface RelayedSocket {
  readonly socket: TcpSocket;
  /** Resolves when the client's connection has ended, too. */
  readonly ended: Promise<void>;
}

type Claim = PromiseWithResolvers<Deno.TlsConn>;

/** An accepted connection, and its place in the order of all. */
interface Accepted {
  readonly far: Deno.TlsConn;
  readonly number: number;
}

export class TlsRelay {
  readonly #listener: Deno.TlsListener;
  /** Accepted connections by the port of their other end, oldest first. */
  readonly #unclaimed = new Map<number, Accepted>();
  /** Connections that are awaited, by the port of their other end. */
  readonly #claims = new Map<number, Claim>();
  /** The number of accepted connections. */
  #count = 0;
  #isClosed = false;

  /** `cert` and `key` in PEM. */
  constructor(cert: string, key: string) {
    this.#listener = Deno.listenTls({ hostname: LOOPBACK, port: 0, cert, key });
    sendAtOnce(this.#listener.addr.port);
    void this.#accept();
  }

  /** Begins TLS as the server. */
  async open(client: TcpSocket): Promise<RelayedSocket> {
    // A connection that was accepted before is not the other end of this one, even if it had the same port.
    const after = this.#count;
    const near = await Deno.connect({ hostname: LOOPBACK, port: this.#listener.addr.port });
    try {
      near.setNoDelay();
      const far = await this.#claim(near.localAddr.port, after);
      const relay = new Relay(client, near);
      const socket: TcpSocket = {
        remoteAddr: client.remoteAddr,
        read: (buffer) => far.read(buffer),
        write: (bytes) => far.write(bytes),
        closeWrite: () => far.closeWrite(),
        close: () => {
          far.close();
          relay.finish();
        },
      };
      return { socket, ended: relay.ended };
    } catch (error) {
      near.close();
      throw error;
    }
  }

  /** Accepts no further connections. Open ones continue. */
  close(): void {
    this.#isClosed = true;
    this.#listener.close();
    for (const port of this.#unclaimed.keys()) this.#drop(port);
    for (const claim of this.#claims.values()) claim.reject(new Error("the relay is closed"));
  }

  /** Accepts at once whatever comes, so that other programs cannot fill the queue of the system. Never rejects. */
  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#take(await this.#listener.accept());
      } catch {
        if (this.#isClosed) return;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }

  #take(far: Deno.TlsConn): void {
    const { port } = far.remoteAddr;
    this.#count++;
    const claim = this.#claims.get(port);
    if (claim !== undefined) return claim.resolve(far);
    this.#drop(port);
    this.#unclaimed.set(port, { far, number: this.#count });
    const [oldest] = this.#unclaimed.keys();
    if (oldest !== undefined && this.#unclaimed.size > MAX_UNCLAIMED) this.#drop(oldest);
  }

  #drop(port: number): void {
    this.#unclaimed.get(port)?.far.close();
    this.#unclaimed.delete(port);
  }

  /** The connection whose other end has this port, accepted `after` that many. */
  async #claim(port: number, after: number): Promise<Deno.TlsConn> {
    const accepted = this.#unclaimed.get(port);
    if (accepted !== undefined && accepted.number > after) {
      this.#unclaimed.delete(port);
      return accepted.far;
    }
    this.#drop(port);
    if (this.#isClosed) throw new Error("the relay is closed");
    const claim: Claim = Promise.withResolvers();
    this.#claims.set(port, claim);
    const timer = setTimeout(() => claim.reject(new Error("no connection")), MEET_MS);
    try {
      return await claim.promise;
    } finally {
      clearTimeout(timer);
      this.#claims.delete(port);
    }
  }
}
