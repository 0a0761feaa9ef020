/**
 * The lease of this server on a catalog that servers share. As long as the server renews it, what the server is writing
 * belongs to it. Without a lease, another server removes it, and it can change nothing before it joins again.
 *
 * @module
 */
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { JoinedNode, Nodes, RunningNode } from "../catalog/shared_catalog.ts";

/** The time after which the others remove a server that was killed, in milliseconds. */
export const LEASE_MS = 15_000;
/** The interval of renewals, in milliseconds. Several in a row may fail. */
const RENEW_MS = 3000;

export interface LeaseOptions {
  /** The name of this server, for people. */
  readonly name: string;
  /** Called with the name of a server that this one has removed. */
  readonly onRemoved?: (name: string) => void;
}

/** The work of a server that has lost its lease. */
export interface LeaseLoss {
  /** Ends everything that the server was doing for clients. The server joins again when it has resolved. */
  readonly end: () => Promise<void>;
  /** Called when the server has joined again. */
  readonly resume: () => void;
  /** Called with each failure to join again. The next renewal tries it once more. */
  readonly notJoined: (error: unknown) => void;
}

export class NodeLease implements AsyncDisposable {
  readonly #nodes: Nodes;
  readonly #options: LeaseOptions;
  /** Whether no other server may run. */
  readonly #isAlone: boolean;
  #node: JoinedNode;
  #hasRemoved = false;
  #loss: LeaseLoss | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  #renewing: Promise<void> | undefined;
  #state: "held" | "lost" | "closed" = "held";

  private constructor(nodes: Nodes, options: LeaseOptions, node: JoinedNode, isAlone = false) {
    this.#nodes = nodes;
    this.#options = options;
    this.#isAlone = isAlone;
    this.#node = node;
    this.#note(node);
    this.#timer = setInterval(() => void this.renew(), RENEW_MS);
  }

  /** Joins the servers of a catalog. */
  static async join(nodes: Nodes, options: LeaseOptions): Promise<NodeLease> {
    return new NodeLease(nodes, options, await nodes.join(options.name, LEASE_MS));
  }

  /**
   * Joins as the only server, for contents that servers cannot share. Waits for the lease of a server that was killed.
   * Throws `ConfigurationError` `catalog-in-use` if another one is running.
   */
  static async joinAlone(
    nodes: Nodes,
    options: LeaseOptions & { readonly pause?: (ms: number) => Promise<void> },
  ): Promise<NodeLease> {
    const { pause = sleep } = options;
    /** Renewals by epoch. */
    const seen = new Map<number, number>();
    for (;;) {
      const [other] = await nodes.running();
      if (other !== undefined) {
        if (other.renewals > (seen.get(other.epoch) ?? Infinity)) throw inUse(other);
        seen.set(other.epoch, other.renewals);
      }
      const node = await nodes.join(options.name, LEASE_MS);
      if (node.isOldest) return new NodeLease(nodes, options, node, true);
      await nodes.leave(node.epoch);
      await pause(RENEW_MS);
    }
  }

  /** The number of this start. It changes when the server joins again. */
  get epoch(): number {
    return this.#node.epoch;
  }

  /** Whether this server does what only one has to do. For a moment, two servers may believe it. */
  get isOldest(): boolean {
    return this.#state === "held" && this.#node.isOldest;
  }

  /** Whether a server was removed since the last call, which may have left uploads. */
  takeRemoved(): boolean {
    const hasRemoved = this.#hasRemoved;
    this.#hasRemoved = false;
    return hasRemoved;
  }

  /** What to do when the lease is lost. */
  onLost(loss: LeaseLoss): void {
    this.#loss = loss;
  }

  /**
   * Renews the lease, or joins again if it is lost. A failure is not final: the next renewal tries again. Never rejects.
   */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().catch(() => undefined)
      .finally(() => this.#renewing = undefined);
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    if (this.#state === "held") {
      const node = await this.#nodes.renew(this.#node.epoch, LEASE_MS);
      if (node !== undefined) return this.#note(node);
      this.#state = "lost";
    }
    // Nothing that has begun before may change anything after the server has joined again.
    await this.#loss?.end();
    if (this.#state !== "lost") return;
    const node = await this.#joinAgain();
    // Another server uses the contents now. This one waits until that one has ended.
    if (this.#isAlone && !node.isOldest) return await this.#nodes.leave(node.epoch);
    this.#note(node);
    this.#state = "held";
    this.#loss?.resume();
  }

  async #joinAgain(): Promise<JoinedNode> {
    try {
      return await this.#nodes.join(this.#options.name, LEASE_MS);
    } catch (error) {
      this.#loss?.notJoined(error);
      throw error;
    }
  }

  #note(node: JoinedNode): void {
    this.#node = node;
    for (const name of node.removed) {
      this.#hasRemoved = true;
      this.#options.onRemoved?.(name);
    }
  }

  /** Ends the lease, so that others need not wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    const isHeld = this.#state === "held";
    this.#state = "closed";
    // If the catalog does not answer, the lease ends by itself.
    if (isHeld) await this.#nodes.leave(this.#node.epoch).catch(() => undefined);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function inUse({ name }: RunningNode): ConfigurationError {
  return new ConfigurationError(
    "catalog-in-use",
    `the catalog is already served by ${printable(name)}`,
    {
      hint: "Stop that server: only with --blobs s3://BUCKET/PREFIX can several share a catalog.",
    },
  );
}
