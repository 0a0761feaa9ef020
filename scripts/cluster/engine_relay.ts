/** The way of one server to a database or an object store, which tests can cut. */
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";

/** The largest piece that is passed on at a time, in bytes. */
const PIECE = 64 * 1024;

/** `open` passes everything on, `cut` ends connections and refuses new ones, `silent` holds everything back. */
export type RelayState = "open" | "cut" | "silent";

/** Decides about bytes for the engine. `cut` passes them on and ends the connection without their answer. */
export type ByteWatch = (bytes: Bytes) => "pass" | "cut";

/** The address of an engine: a TCP port, or a Unix socket. */
export type EngineAddress = Address | { readonly path: string };

interface Pair {
  readonly near: Deno.Conn;
  readonly far: Deno.Conn;
}

export class EngineRelay implements AsyncDisposable {
  readonly #target: EngineAddress;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #pairs = new Set<Pair>();
  readonly #serving: Promise<void>;
  readonly #passing = new Set<Promise<unknown>>();
  #state: RelayState = "open";
  #opened = Promise.withResolvers<void>();
  #watch: ByteWatch = () => "pass";

  constructor(target: EngineAddress) {
    this.#target = target;
    this.#opened.resolve();
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  get state(): RelayState {
    return this.#state;
  }

  /** Changes the state, also for connections that are there. */
  set state(state: RelayState) {
    if (state === "silent" && this.#state !== "silent") this.#opened = Promise.withResolvers();
    this.#state = state;
    if (state === "cut") { for (const pair of [...this.#pairs]) this.#end(pair); }
    if (state !== "silent") this.#opened.resolve();
  }

  /** Watches the bytes to the engine from now on, instead of the watch before. */
  watch(watch: ByteWatch): void {
    this.#watch = watch;
  }

  async #serve(): Promise<void> {
    for await (const near of this.#listener) {
      const passing = this.#connect(near).finally(() => this.#passing.delete(passing));
      this.#passing.add(passing);
    }
  }

  async #connect(near: Deno.TcpConn): Promise<void> {
    let far: Deno.Conn;
    try {
      if (this.#state === "cut") throw new Deno.errors.ConnectionRefused("cut");
      far = await connect(this.#target);
    } catch {
      return near.close(); // The engine is away.
    }
    const pair = { near, far };
    this.#pairs.add(pair);
    near.setNoDelay();
    await Promise.all([
      this.#pass(pair, near, far, (bytes) => this.#watch(bytes)),
      this.#pass(pair, far, near, () => "pass"),
    ]);
  }

  /** Passes on one direction. The end of either ends both. */
  async #pass(pair: Pair, from: Deno.Conn, to: Deno.Conn, watch: ByteWatch): Promise<void> {
    const buffer = new Uint8Array(PIECE);
    try {
      for (;;) {
        const size = await from.read(buffer);
        await this.#opened.promise;
        if (size === null) return;
        const bytes = buffer.subarray(0, size);
        const decision = watch(bytes);
        for (let done = 0; done < size;) done += await to.write(bytes.subarray(done));
        if (decision === "cut") return;
      }
    } catch {
      // The connection has ended.
    } finally {
      this.#end(pair);
    }
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.near.close();
    pair.far.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.state = "cut";
    this.#listener.close();
    await this.#serving;
    await Promise.all(this.#passing);
  }
}

async function connect(target: EngineAddress): Promise<Deno.Conn> {
  if ("path" in target) return await Deno.connect({ transport: "unix", path: target.path });
  const connection = await Deno.connect({ ...target });
  connection.setNoDelay();
  return connection;
}
