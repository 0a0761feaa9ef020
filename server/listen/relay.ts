/**
 * Passes on bytes between two connections, in both directions.
 *
 * @module
 */
import { closeSocket } from "./close_socket.ts";
import type { TcpSocket } from "./peer_socket.ts";

/** The buffer of an idle direction, in bytes. Most connections are idle. */
const SMALL_BUFFER = 4 * 1024;
/** The buffer of a direction that is busy, in bytes. */
const LARGE_BUFFER = 128 * 1024;
/**
 * The time for bytes in transit to a client after the server has closed its end, in milliseconds. The kernel gives a
 * client without a relay more, but a relay takes descriptors and memory.
 */
const DRAIN_MS = 10_000;

export class Relay {
  /** Resolves when both connections are closed. */
  readonly ended: Promise<void>;
  readonly #client: TcpSocket;
  readonly #server: TcpSocket;
  readonly #toClient: Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(client: TcpSocket, server: TcpSocket) {
    this.#client = client;
    this.#server = server;
    this.#toClient = this.#pass(server, client);
    this.ended = Promise.all([this.#toClient, this.#pass(client, server)]).then(() =>
      this.#close()
    );
  }

  /** Closes both connections when all bytes for the client are delivered, or {@link DRAIN_MS} later. */
  finish(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => this.#close(), DRAIN_MS);
    void this.#toClient.then(() => this.#close());
  }

  /** Never rejects. */
  async #pass(from: TcpSocket, to: TcpSocket): Promise<void> {
    try {
      await copy(from, to);
      await to.closeWrite();
    } catch {
      // One of the two is gone. The other one learns it.
      this.#close();
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    closeSocket(this.#client);
    closeSocket(this.#server);
  }
}

async function copy(from: TcpSocket, to: TcpSocket): Promise<void> {
  let buffer = new Uint8Array(SMALL_BUFFER);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) return;
    for (let done = 0; done < size;) done += await to.write(buffer.subarray(done, size));
    if (size === buffer.length) {
      if (size < LARGE_BUFFER) buffer = new Uint8Array(LARGE_BUFFER);
    } else if (size <= SMALL_BUFFER && buffer.length > SMALL_BUFFER) {
      buffer = new Uint8Array(SMALL_BUFFER);
    }
  }
}
