/**
 * A load balancer of TCP connections without sticky sessions: each connection leads to the next server. Without servers, it
 * closes connections.
 */
import type { Address } from "../../../protocol/address.ts";
import { FaultyProxy } from "./faulty_proxy.ts";

export class Balancer implements AsyncDisposable {
  servers: readonly Address[];
  /** The servers that connections have led to. */
  readonly reached = new Set<Address>();
  #proxy!: FaultyProxy;
  #next = 0;

  private constructor(servers: readonly Address[]) {
    this.servers = servers;
  }

  static async start(servers: readonly Address[]): Promise<Balancer> {
    const balancer = new Balancer(servers);
    balancer.#proxy = await FaultyProxy.start(() => balancer.#choose());
    return balancer;
  }

  get address(): Address {
    return this.#proxy.address;
  }

  #choose(): Address | undefined {
    const server = this.servers[this.#next++ % this.servers.length];
    if (server !== undefined) this.reached.add(server);
    return server;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#proxy[Symbol.asyncDispose]();
  }
}
