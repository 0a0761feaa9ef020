/** A TCP port that leads to a Unix socket, for programs that may not open the socket. */
export class SocketRelay implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  readonly #open = new Set<Deno.Conn>();

  constructor(path: string) {
    this.#serving = this.#serve(path);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #serve(path: string): Promise<void> {
    const relays: Promise<unknown>[] = [];
    try {
      for await (const from of this.#listener) {
        const to = await Deno.connect({ transport: "unix", path });
        relays.push(this.#pipe(from, to), this.#pipe(to, from));
      }
    } finally {
      await Promise.all(relays);
    }
  }

  async #pipe(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    this.#open.add(from);
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
