/**
 * The place of a server among those that share its catalog: it can be removed, and joins again.
 *
 * @module
 */
import { reasonOf, XferError } from "../../protocol/errors.ts";
import type { LeaseLoss } from "../cluster/node_lease.ts";
import type { Log } from "../limits/server_log.ts";
import type { Connections } from "../listen/connections.ts";
import { closeV3, type V3Context } from "../v3/context.ts";

/** Why a server without a lease ends connections. */
const REMOVED = "other servers have removed this one, whose lease has ended";

export class Membership implements LeaseLoss {
  readonly #connections: Connections;
  readonly #v3: V3Context;
  readonly #log: Log;
  /** The code of the error for which this server could not join the others again. */
  #notJoined: string | undefined;

  constructor(connections: Connections, v3: V3Context, log: Log) {
    this.#connections = connections;
    this.#v3 = v3;
    this.#log = log;
  }

  /** Why clients are not served, for everyone to read; `undefined` while they are. */
  get whyRemoved(): string | undefined {
    if (!this.#connections.isSuspended) return undefined;
    const removed = "the other servers have removed this one";
    const code = this.#notJoined;
    return code === undefined ? removed : `${removed}, which cannot join them again: ${code}`;
  }

  /**
   * Clients continue at another server. Nothing that has begun may change anything after this server has joined again,
   * since what it has reserved is garbage now.
   */
  async end(): Promise<void> {
    // It is called again if the server could not join.
    if (!this.#connections.isSuspended) {
      this.#log.error("Ending all connections: the lease of this server has ended", {
        event: "server.lease-lost",
        connections: this.#connections.size,
      });
    }
    await this.#connections.suspend(REMOVED);
    await closeV3(this.#v3);
  }

  resume(): void {
    this.#notJoined = undefined;
    this.#connections.resume();
    this.#log.warn("Joined the other servers again", { event: "server.joined" });
  }

  /** An upgrade of the catalog while this server was paused can keep it out for good. */
  notJoined(error: unknown): void {
    const code = error instanceof XferError ? error.code : "failed";
    if (code === this.#notJoined) return;
    this.#notJoined = code;
    this.#log.error("Cannot join the other servers again: {reason}", {
      event: "server.not-joined",
      ...{ code, reason: reasonOf(error) },
    });
  }
}
