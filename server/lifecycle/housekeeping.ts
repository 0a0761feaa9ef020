/**
 * What a server does from time to time: removes what has expired, and what servers that were killed have left. Of servers
 * that share a catalog, the oldest does it for all.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import type { BackgroundCheck } from "../check/background_check.ts";
import type { NodeLease } from "../cluster/node_lease.ts";
import { type Context, expireShared } from "../context.ts";
import type { ServerLog } from "../limits/server_log.ts";
import { removeLeftovers } from "./recovery.ts";
import { expireV3, type V3Context } from "../v3/context.ts";
import { expireV4, type V4Context } from "../v4/context.ts";

/** The interval, in milliseconds. */
const HOUSEKEEPING_MS = 60_000;
/** Every how many turns servers that share a catalog look for uploads of nobody. Each look lists all uploads. */
const SWEEP_TURNS = 10;

export interface HousekeepingOptions {
  readonly context: Context;
  readonly v3: V3Context;
  readonly v4: V4Context;
  readonly check: BackgroundCheck;
  /** The lease, if servers share the catalog. */
  readonly lease: NodeLease | undefined;
  readonly log: Pick<ServerLog, "flush">;
  /** {@link HOUSEKEEPING_MS} by default. */
  readonly everyMs?: number | undefined;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  /** The running turn. It can take longer than the interval. */
  #running: Promise<void> | undefined;
  #turns = 0;
  /** Whether a sweep has yet to succeed. */
  #isSweepDue = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.run(), options.everyMs ?? HOUSEKEEPING_MS);
  }

  /** Does it now, once for all callers that wait. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => this.#running = undefined);
    return this.#running;
  }

  /** Ends it. Resolves when no turn is running. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { context, v3, v4, check, log } = this.#options;
    log.flush();
    check.look();
    try {
      await Promise.all([expireShared(context), expireV3(v3), expireV4(v4)]);
      await this.#sweep();
    } catch (error) {
      const what = "expired uploads, registrations and history";
      context.log.error(`Could not remove ${what}: {reason}`, {
        event: "housekeeping.failed",
        reason: printable(String(error)),
      });
    }
  }

  /** A server alone sweeps at its start. */
  async #sweep(): Promise<void> {
    const { context, v4: { partialUploads }, lease } = this.#options;
    if (lease === undefined) return;
    const isDue = this.#turns++ % SWEEP_TURNS === 0 && lease.isOldest;
    if (lease.takeRemoved() || isDue || partialUploads.hasUnowned) this.#isSweepDue = true;
    if (!this.#isSweepDue) return;
    await removeLeftovers(context, { sweep: () => partialUploads.sweepUnowned() });
    this.#isSweepDue = false;
  }
}
