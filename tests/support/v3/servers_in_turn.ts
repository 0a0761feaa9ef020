/** Servers of protocol 3 with one catalog and one object store. Each connection leads to the next one. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import { DEFAULT_SERVED } from "../../../protocol/v3/editions/mod.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import type { Server } from "../../../server/server.ts";
import type { ServerOptions } from "../../../server/lifecycle/server_options.ts";
import { Balancer } from "../net/balancer.ts";
import { startInThisThread } from "../server.ts";
import { type Elsewhere, optionsOf } from "../store/elsewhere.ts";

export interface TurnOptions
  extends Pick<ServerOptions, "random" | "limits" | "ticks" | "housekeepingMs"> {
  readonly editions?: readonly Edition[];
  /** The number of servers; 2 by default. */
  readonly count?: number;
}

export class ServersInTurn implements AsyncDisposable {
  readonly servers: readonly Server[];
  readonly #balancer: Balancer;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    servers: readonly Server[],
    balancer: Balancer,
    resources: AsyncDisposableStack,
  ) {
    this.servers = servers;
    this.#balancer = balancer;
    this.#resources = resources;
  }

  static async start(
    elsewhere: Elsewhere,
    { editions = DEFAULT_SERVED, count = 2, ...options }: TurnOptions = {},
  ): Promise<ServersInTurn> {
    await using starting = new AsyncDisposableStack();
    const servers: Server[] = [];
    while (servers.length < count) {
      servers.push(starting.use(
        await startInThisThread({
          listen: [{ hostname: "127.0.0.1", port: 0, editions }],
          ...optionsOf(elsewhere),
          ...options,
        }),
      ));
    }
    const balancer = starting.use(await Balancer.start(servers.map(({ address }) => address)));
    return new ServersInTurn(servers, balancer, starting.move());
  }

  get first(): Server {
    return this.servers[0] ?? assert.fail();
  }

  get second(): Server {
    return this.servers[1] ?? assert.fail();
  }

  /** Leads to each server in turn. */
  get address(): Address {
    return this.#balancer.address;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}
