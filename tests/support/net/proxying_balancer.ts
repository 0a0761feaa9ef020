/** A load balancer: passes on connections, after a header of the PROXY protocol. */
import type { Address } from "../../../protocol/address.ts";
import type { Bytes } from "../../../protocol/bytes.ts";

export class ProxyingBalancer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: () => Address;
  readonly #header: () => Bytes;
  readonly #serving: Promise<void>;

  /** Both are asked for each connection. */
  constructor(target: () => Address, header: () => Bytes) {
    this.#target = target;
    this.#header = header;
    this.#serving = this.#serve();
  }

  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  async #serve(): Promise<void> {
    const passing: Promise<unknown>[] = [];
    for await (const from of this.#listener) passing.push(this.#pass(from));
    await Promise.all(passing);
  }

  async #pass(from: Deno.TcpConn): Promise<void> {
    const to = await Deno.connect({ ...this.#target() });
    await to.write(this.#header());
    const pass = (a: Deno.TcpConn, b: Deno.TcpConn) =>
      a.readable.pipeTo(b.writable).catch(() => undefined);
    await Promise.all([pass(from, to), pass(to, from)]);
    for (const connection of [from, to]) {
      try {
        connection.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}
