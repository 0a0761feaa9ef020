/** A catalog in memory that several servers can connect to: the contract of a shared catalog in little code. */
import type { Bytes } from "../../../protocol/bytes.ts";
import {
  LeaseLost,
  type Nodes,
  type RunningNode,
  type SharedCatalog,
} from "../../../server/catalog/shared_catalog.ts";
import { interceptedCatalog } from "./intercepted_catalog.ts";
import { memoryCatalog } from "./memory_catalog.ts";

interface Node extends Omit<RunningNode, "leftMs" | "renewals"> {
  until: number;
  renewals: number;
}

export class SharedMemory {
  readonly #catalog = memoryCatalog();
  readonly #values = new Map<string, Bytes>();
  #nodes: Node[] = [];
  #epochs = 0;
  /** Milliseconds; moves only with {@link pass}. */
  #now = 0;

  /** Lets time pass. */
  pass(ms: number): void {
    this.#now += ms;
  }

  /** The connection of one server. */
  connect(): SharedCatalog {
    let own: number | undefined;
    const check = () => {
      if (own !== undefined && !this.#nodes.some(({ epoch }) => epoch === own)) {
        throw new LeaseLost();
      }
    };
    const catalog = interceptedCatalog(this.#catalog, async (_method, _args, next) => {
      check();
      return await next();
    });
    const nodes: Nodes = {
      join: (name, leaseMs) => {
        const other = this.#nodes.find(({ until }) => until > this.#now);
        if (other !== undefined) {
          const { until, ...rest } = other;
          return Promise.resolve({ other: { ...rest, leftMs: until - this.#now } });
        }
        own = ++this.#epochs;
        this.#nodes = [{ name, epoch: own, until: this.#now + leaseMs, renewals: 0 }];
        return Promise.resolve({ epoch: own });
      },
      renew: (mine, leaseMs) => {
        const node = this.#nodes.find(({ epoch }) => epoch === mine);
        if (node === undefined) return Promise.resolve(false);
        node.until = this.#now + leaseMs;
        node.renewals++;
        return Promise.resolve(true);
      },
      leave: (mine) => {
        this.#nodes = this.#nodes.filter(({ epoch }) => epoch !== mine);
        return Promise.resolve();
      },
    };
    return {
      ...catalog,
      nodes,
      values: {
        find: (name) => Promise.resolve(this.#values.get(name)),
        keep: (name, value) => {
          const kept = this.#values.get(name) ?? value;
          this.#values.set(name, kept);
          return Promise.resolve(kept);
        },
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}
