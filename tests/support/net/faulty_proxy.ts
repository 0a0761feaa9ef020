/** A network that tests control: a proxy that chooses the server of each client, and changes the bytes between both. */
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import type { Address } from "../../../protocol/address.ts";
import type { Bytes } from "../../../protocol/bytes.ts";

/** Ends a connection on both sides: `fin` closes it, `rst` resets it. */
export type Ending = "fin" | "rst";
/** The output of a fault for some bytes, in this order. */
export type Passed = Iterable<Bytes | Ending> | AsyncIterable<Bytes | Ending>;
/** Changes the bytes of one direction of one connection. */
export type Fault = (bytes: Bytes) => Passed;
/**
 * Creates a fault for each connection. State outside of it is shared by all. Without one, all bytes pass unchanged.
 */
export type Faults = Readonly<Partial<Record<Direction, () => Fault>>>;
/** `up` is the direction to the server. */
export type Direction = "up" | "down";
/** A TCP port, or a Unix socket. */
export type Target = Address | { readonly path: string };
/** Where connections lead; a function is asked for each one. Without a target, the proxy closes the connection. */
export type Targets = Target | (() => Target | undefined);

const UNCHANGED = (): Fault => (bytes) => [bytes];

export class FaultyProxy implements AsyncDisposable {
  readonly #server = createServer({ allowHalfOpen: true });
  readonly #targets: Targets;
  readonly #faults: Faults;
  readonly #sockets = new Set<Socket>();
  readonly #passing: Promise<unknown>[] = [];

  private constructor(targets: Targets, faults: Faults) {
    this.#targets = targets;
    this.#faults = faults;
    this.#server.on("connection", (client) => this.#accept(client));
  }

  static start(targets: Targets, faults: Faults = {}): Promise<FaultyProxy> {
    return FaultyProxy.startAt({ hostname: "127.0.0.1", port: 0 }, targets, faults);
  }

  /** Listens at an address, such as that of an earlier server. */
  static async startAt(
    { hostname, port }: Address,
    targets: Targets,
    faults: Faults = {},
  ): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(targets, faults);
    proxy.#server.listen(port, hostname);
    await once(proxy.#server, "listening");
    return proxy;
  }

  get address(): Address {
    const address = this.#server.address();
    if (address === null || typeof address === "string") {
      throw new Error("the proxy does not listen");
    }
    return { hostname: address.address, port: address.port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its own "close" is not awaited: Deno 2.4.2 counts some sockets twice and then never emits it.
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#passing);
  }

  #accept(client: Socket): void {
    const targets = this.#targets;
    const target = typeof targets === "function" ? targets() : targets;
    if (target === undefined) return void client.destroy();
    const server = connectTo(target);
    const pair = [client, server] as const;
    for (const socket of pair) {
      socket.setNoDelay();
      // The read or write that it interrupts reports it, too.
      socket.on("error", () => undefined);
      this.#sockets.add(socket);
      const closed = new Promise((resolve) => socket.on("close", resolve));
      this.#passing.push(closed.then(() => this.#sockets.delete(socket)));
    }
    this.#passing.push(this.#pass("up", client, server), this.#pass("down", server, client));
  }

  async #pass(direction: Direction, from: Socket, to: Socket): Promise<void> {
    const inject = (this.#faults[direction] ?? UNCHANGED)();
    try {
      // When one side has sent everything, the other can still answer.
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        for await (const passed of inject(new Uint8Array(chunk))) {
          if (typeof passed === "string") return end(passed, from, to);
          await written(to, passed);
        }
      }
      to.end();
    } catch {
      // If one side disconnects, the proxy disconnects the other.
      end("fin", from, to);
    }
  }
}

function connectTo(target: Target): Socket {
  if ("path" in target) return connect({ path: target.path, allowHalfOpen: true });
  return connect({ host: target.hostname, port: target.port, allowHalfOpen: true });
}

function end(ending: Ending, ...sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    if (ending === "rst") socket.resetAndDestroy();
    else socket.destroy();
  }
}

function written(socket: Socket, bytes: Bytes): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.write(bytes, (error) => error ? reject(error) : resolve())
  );
}
