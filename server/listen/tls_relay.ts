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

/** A connection that TLS protects from here on. */
export interface RelayedSocket {
  readonly socket: TcpSocket;
  /** Resolves when the client's connection has ended, too. */
  readonly ended: Promise<void>;
}

export class TlsRelay {
  readonly #listener: Deno.TlsListener;
  /** The last connection that was passed on, or is being passed on. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `cert` and `key` in PEM. */
  constructor(cert: string, key: string) {
    this.#listener = Deno.listenTls({ hostname: LOOPBACK, port: 0, cert, key });
    sendAtOnce(this.#listener.addr.port);
  }

  /** Begins TLS as the server. One connection at a time, so that both ends find each other. */
  open(client: TcpSocket): Promise<RelayedSocket> {
    const opened = this.#turn.then(() => this.#open(client));
    this.#turn = opened.catch(() => undefined);
    return opened;
  }

  /** Accepts no further connections. Open ones continue. */
  close(): void {
    this.#listener.close();
  }

  async #open(client: TcpSocket): Promise<RelayedSocket> {
    const near = await Deno.connect({ hostname: LOOPBACK, port: this.#listener.addr.port });
    try {
      near.setNoDelay();
      const far = await this.#accept(near.localAddr);
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

  /** The connection from this address. Other programs of this machine can connect, too: they would have no true address. */
  async #accept({ hostname, port }: Deno.NetAddr): Promise<Deno.TlsConn> {
    for (;;) {
      const far = await this.#listener.accept();
      const { remoteAddr } = far;
      if (remoteAddr.hostname === hostname && remoteAddr.port === port) return far;
      far.close();
    }
  }
}
