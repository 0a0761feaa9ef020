/** A balancer without sticky sessions: each connection leads to the next server. */
import type { Address } from "../../../protocol/address.ts";

export class RoundRobin implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  readonly #open = new Set<Deno.TcpConn>();

  constructor(servers: readonly Address[]) {
    this.#serving = this.#serve(servers);
  }

  get address(): Address {
    return this.#listener.addr;
  }

  async #serve(servers: readonly Address[]): Promise<void> {
    const relays: Promise<unknown>[] = [];
    let count = 0;
    for await (const client of this.#listener) {
      const address = servers[count++ % servers.length] as Address;
      relays.push(this.#relay(client, address));
    }
    await Promise.all(relays);
  }

  async #relay(client: Deno.TcpConn, address: Address): Promise<void> {
    this.#open.add(client);
    try {
      const server = await Deno.connect({ ...address });
      this.#open.add(server);
      for (const socket of [client, server]) socket.setNoDelay();
      await Promise.all([this.#pump(client, server), this.#pump(server, client)]);
      this.#close(server);
    } catch {
      // A server that is gone.
    } finally {
      this.#close(client);
    }
  }

  /** Passes bytes on, and the end of them. A failure ends both connections. */
  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const size = await from.read(buffer);
        if (size === null) break;
        for (let done = 0; done < size;) done += await to.write(buffer.subarray(done, size));
      }
      await to.closeWrite();
    } catch {
      this.#close(from);
      this.#close(to);
    }
  }

  #close(connection: Deno.TcpConn): void {
    if (!this.#open.delete(connection)) return;
    try {
      connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of [...this.#open]) this.#close(connection);
    await this.#serving;
  }
}
