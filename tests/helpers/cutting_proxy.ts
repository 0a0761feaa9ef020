import {
  type Address,
  type Bytes,
  type Edition,
  edition2023c,
  encodeResponse,
  type Response,
  ResponseReader,
} from "../../mod.ts";

/** Where a connection is cut, each once: before or after a response reaches the client, or after so many bytes from it. */
export type Cut =
  | { readonly before: Response["kind"] }
  | { readonly after: Response["kind"] }
  | { readonly afterBytes: number };

/** A network that fails at given points: passes everything on to a server, and cuts both ends' connection there. */
export class CuttingProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: Address;
  readonly #edition: Edition;
  readonly #cuts: Cut[];
  readonly #work: Promise<void>;

  constructor(target: Address, cuts: readonly Cut[], edition: Edition = edition2023c) {
    this.#target = target;
    this.#edition = edition;
    this.#cuts = [...cuts];
    this.#work = this.#accept();
  }

  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  /** How many cuts were not made. */
  get left(): number {
    return this.#cuts.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#work;
  }

  async #accept(): Promise<void> {
    const passing: Promise<void>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect({ ...this.#target }).catch(() => undefined);
      if (server === undefined) {
        client.close();
        continue;
      }
      const cut = () => [client, server].forEach((socket) => socket[Symbol.dispose]());
      for (const pass of [this.#up(client, server), this.#down(server, client)]) {
        passing.push(pass.catch(() => undefined).finally(cut));
      }
    }
    await Promise.all(passing);
  }

  async #up(client: Deno.TcpConn, server: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(16_384);
    for (let passed = 0;;) {
      const size = await client.read(buffer);
      if (size === null) return;
      passed += size;
      if (this.#isDue((cut) => "afterBytes" in cut && passed >= cut.afterBytes)) return;
      await writeAll(server, buffer.subarray(0, size));
    }
  }

  async #down(server: Deno.TcpConn, client: Deno.TcpConn): Promise<void> {
    const reader = new ResponseReader(this.#edition);
    const buffer = new Uint8Array(4096);
    for (;;) {
      const size = await server.read(buffer);
      if (size === null) return;
      reader.push(buffer.subarray(0, size));
      for (let response = reader.next(); response !== undefined; response = reader.next()) {
        const { kind } = response;
        if (this.#isDue((cut) => "before" in cut && cut.before === kind)) return;
        await writeAll(client, encodeResponse(this.#edition, response));
        if (this.#isDue((cut) => "after" in cut && cut.after === kind)) return;
      }
    }
  }

  /** Takes the next cut if it is due. */
  #isDue(matches: (cut: Cut) => boolean): boolean {
    const [next] = this.#cuts;
    if (next === undefined || !matches(next)) return false;
    this.#cuts.shift();
    return true;
  }
}

async function writeAll(socket: Deno.TcpConn, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
}
