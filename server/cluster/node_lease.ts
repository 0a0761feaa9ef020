/**
 * The lease of this server on a shared catalog. As long as the server renews it, no other server uses the catalog.
 *
 * @module
 */
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { Nodes, RunningNode } from "../catalog/shared_catalog.ts";

/** The time after which another server can take the place of one that was killed, in milliseconds. */
export const LEASE_MS = 15_000;
/** The interval of renewals, in milliseconds. Several in a row may fail. */
export const RENEW_MS = 3000;

export interface LeaseOptions {
  /** The name of this server, for people. */
  readonly name: string;
  /** Called when another server has a lease, which may be the one of a killed server. */
  readonly onWait?: (other: RunningNode) => void;
  /** Waits for a number of milliseconds; replaces the default in tests. */
  readonly pause?: (ms: number) => Promise<void>;
}

export class NodeLease implements AsyncDisposable {
  readonly #nodes: Nodes;
  readonly epoch: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #lost = Promise.withResolvers<void>();
  #renewing: Promise<void> | undefined;
  #isLost = false;

  private constructor(nodes: Nodes, epoch: number) {
    this.#nodes = nodes;
    this.epoch = epoch;
    this.#timer = setInterval(() => void this.renew(), RENEW_MS);
  }

  /**
   * Takes the lease. Waits for the lease of a server that was killed. Throws `ConfigurationError` `catalog-in-use` if
   * another server is running.
   */
  static async take(
    nodes: Nodes,
    { name, onWait, pause = sleep }: LeaseOptions,
  ): Promise<NodeLease> {
    let first: RunningNode | undefined;
    for (;;) {
      const joined = await nodes.join(name, LEASE_MS);
      if ("epoch" in joined) return new NodeLease(nodes, joined.epoch);
      const { other } = joined;
      if (first === undefined) onWait?.(other);
      first ??= other;
      if (other.epoch !== first.epoch || other.renewals !== first.renewals) throw inUse(other);
      await pause(Math.min(Math.max(other.leftMs, 1), RENEW_MS));
    }
  }

  /** Resolves when another server has taken the lease over. Nothing can be changed then. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** Renews the lease. A failure is not final: the next renewal tries again. Never rejects. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => this.#renewing = undefined);
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const isOurs = await this.#nodes.renew(this.epoch, LEASE_MS).catch(() => true);
    if (isOurs) return;
    this.#isLost = true;
    clearInterval(this.#timer);
    this.#lost.resolve();
  }

  /** Ends the lease, so that another server need not wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    // If the catalog does not answer, the lease ends by itself.
    if (!this.#isLost) await this.#nodes.leave(this.epoch).catch(() => undefined);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function inUse({ name }: RunningNode): ConfigurationError {
  return new ConfigurationError(
    "catalog-in-use",
    `the catalog is already served by ${printable(name)}`,
    { hint: "Stop that server. Several servers cannot share a catalog yet." },
  );
}
