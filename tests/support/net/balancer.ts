/**
 * A load balancer of TCP connections without sticky sessions: each connection goes to the next server that accepts it. Without
 * one, it closes the connection.
 */
export class Balancer implements AsyncDisposable {
  /** The ports of the servers on this machine. */
  servers: readonly number[];
  /** The number of connections to each port. */
  readonly connections = new Map<number, number>();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  #next = 0;

  constructor(servers: readonly number[]) {
    this.servers = servers;
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #serve(): Promise<void> {
    const relays: Promise<void>[] = [];
    for await (const from of this.#listener) relays.push(this.#relay(from));
    await Promise.all(relays);
  }

  async #relay(from: Deno.Conn): Promise<void> {
    this.#open.add(from);
    const to = await this.#connect();
    if (to === undefined) return this.#close(from);
    this.#open.add(to);
    await Promise.all([this.#pipe(from, to), this.#pipe(to, from)]);
  }

  async #connect(): Promise<Deno.Conn | undefined> {
    const { servers } = this;
    for (let tries = 0; tries < servers.length; tries++) {
      const port = servers[this.#next++ % servers.length] as number;
      try {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        this.connections.set(port, (this.connections.get(port) ?? 0) + 1);
        return connection;
      } catch {
        // The next one may be running.
      }
    }
    return undefined;
  }

  async #pipe(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    // The end of either side ends both.
    await from.readable.pipeTo(to.writable).catch(() => undefined);
    this.#close(from);
    this.#close(to);
  }

  #close(connection: Deno.Conn): void {
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
