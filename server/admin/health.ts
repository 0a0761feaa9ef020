/**
 * Whether a server can do its work: its stores answer, files have room, and it is not stopping.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { reasonOf } from "../../protocol/errors.ts";
import type { BlobId, BlobStore } from "../blobs/blob_store.ts";
import type { AdminSystem } from "./admin_system.ts";
import { FreshValue } from "../fresh_value.ts";

/** The time in which a store must answer, in milliseconds. */
const ANSWER_MS = 2000;
/** The age up to which a result is used again, in milliseconds, so that requests cannot load the stores. */
const FRESH_MS = 1000;
/** No account has this id, and no blob this one. */
const NOBODY = new Uint8Array(16);
const NOTHING = "blobs/00000000000000000000000000000000" as BlobId;

export type CheckName = "catalog" | "store" | "space" | "cluster" | "running";

export interface CheckResult {
  readonly ok: boolean;
  /** The time that the check took, in milliseconds. */
  readonly ms: number;
  /** Why it failed, without names of machines or paths. */
  readonly reason?: string;
}

export interface HealthReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<CheckName, CheckResult>>;
}

/** Throws why the check fails. */
type Check = () => void | Promise<void>;

/** A reason that everyone may read. */
class Unready extends Error {}

export class Health {
  readonly #system: AdminSystem;
  readonly #answerMs: number;
  readonly #checks: Readonly<Record<CheckName, Check>>;
  /** Checks that have not ended yet. One that hangs is not begun again. */
  readonly #running = new Map<CheckName, Promise<CheckResult>>();
  /** Why checks failed the last time, for the log, which may name machines and paths. */
  readonly #causes = new Map<CheckName, string>();
  readonly #last: FreshValue<HealthReport>;
  /** The checks that failed the last time. */
  #failing = "";

  /** `answerMs`: the time in which a store must answer. */
  constructor(system: AdminSystem, { answerMs = ANSWER_MS }: { readonly answerMs?: number } = {}) {
    this.#system = system;
    this.#answerMs = answerMs;
    const { context: { store, limits, clock, ticks } } = system;
    this.#last = new FreshValue(() => this.#report(), FRESH_MS, ticks);
    this.#checks = {
      // A write: while another process holds the lock of the catalog, reads still succeed.
      catalog: () => store.catalog.accounts.touch(NOBODY, clock()),
      store: () => checkBlobs(store.blobs),
      async space() {
        if (await system.freeSpace() < limits.minFree) {
          throw new Unready("less space is free than --min-free");
        }
      },
      cluster() {
        const reason = system.whyRemoved();
        if (reason !== undefined) throw new Unready(reason);
      },
      running() {
        if (system.isStopping()) throw new Unready("the server is stopping");
      },
    };
  }

  /** Never rejects. */
  report(): Promise<HealthReport> {
    return this.#system.isStopping() ? this.#last.readNow() : this.#last.read();
  }

  async #report(): Promise<HealthReport> {
    const names = Object.keys(this.#checks) as CheckName[];
    const results = await Promise.all(
      names.map(async (name) => [name, await this.#within(name)] as const),
    );
    const checks = Object.fromEntries(results) as Record<CheckName, CheckResult>;
    const failing = names.filter((name) => !checks[name].ok);
    this.#log(failing, checks);
    return { ready: failing.length === 0, checks };
  }

  /** The result of a check; a failure if it takes too long. */
  async #within(name: CheckName): Promise<CheckResult> {
    const timer = Promise.withResolvers<CheckResult>();
    const reason = `no answer within ${this.#answerMs / 1000} s`;
    const id = setTimeout(
      () => timer.resolve({ ok: false, ms: this.#answerMs, reason }),
      this.#answerMs,
    );
    const running = this.#running.get(name) ?? this.#check(name);
    this.#running.set(name, running);
    try {
      return await Promise.race([running, timer.promise]);
    } finally {
      clearTimeout(id);
    }
  }

  async #check(name: CheckName): Promise<CheckResult> {
    const { ticks } = this.#system.context;
    const begin = ticks();
    this.#causes.delete(name);
    try {
      await this.#checks[name]();
      return { ok: true, ms: ticks() - begin };
    } catch (error) {
      const ms = ticks() - begin;
      if (error instanceof Unready) return { ok: false, ms, reason: error.message };
      this.#causes.set(name, printable(reasonOf(error)));
      return { ok: false, ms, reason: "the log has the reason" };
    } finally {
      this.#running.delete(name);
    }
  }

  /** Logs when other checks fail than the last time. */
  #log(names: readonly CheckName[], checks: HealthReport["checks"]): void {
    const failing = names.join(", ");
    if (failing === this.#failing) return;
    this.#failing = failing;
    const { log } = this.#system.context;
    if (failing === "") return log.info("Ready again", { event: "server.ready" });
    const reasons = names.map((name) =>
      `${name}: ${this.#causes.get(name) ?? checks[name].reason}`
    );
    log.warn("Not ready: {reason}", {
      event: "server.not-ready",
      ...{ failing, reason: reasons.join("; ") },
    });
  }
}

/** Throws if the store cannot be written to, or does not answer. */
async function checkBlobs(blobs: BlobStore): Promise<void> {
  // Only disks become read-only. In an object store, an upload would cost two requests.
  if (!blobs.randomAccess) return void await blobs.stat(NOTHING);
  const writer = await blobs.create({ owner: NOBODY });
  try {
    await writer.write(0, Uint8Array.of(1));
  } finally {
    await writer.abort();
  }
}
