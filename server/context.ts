/**
 * The state that connections of both protocols share.
 *
 * @module
 */
import { printable } from "../protocol/printable.ts";
import { AccountCache } from "./accounts/account_cache.ts";
import { localState } from "./accounts/local_state.ts";
import { expireHistory, historyToDrop } from "./uploads/history.ts";
import { GarbageCollector } from "./uploads/garbage_collector.ts";
import { QuotaReservations } from "./uploads/quota_reservations.ts";
import type { Random } from "./random.ts";
import type { AccessListener } from "./limits/access.ts";
import { FailedSignIns } from "./limits/failed_sign_ins.ts";
import { LimitLog } from "./limits/limit_log.ts";
import type { Limits } from "./limits/limits.ts";
import { RateLimits } from "./limits/rate_limits.ts";
import { StagingArea } from "./uploads/staging_area.ts";
import type { RegistrationMode } from "./catalog/accounts.ts";
import { isShared } from "./catalog/shared_catalog.ts";
import type { SharedState } from "./catalog/shared_state.ts";
import type { Store } from "./data_folder/data_folder.ts";
import type { Log } from "./limits/server_log.ts";
import type { Monitor } from "./monitor/monitor.ts";

/** The dependencies of all connections. */
export interface ContextOptions {
  readonly store: Store;
  /** Values can change at any time: read them when needed, never copy them. */
  readonly limits: Limits;
  readonly random: Random;
  /** Milliseconds since the epoch, for times that are shown, stored, or compared with stored ones. */
  readonly clock: () => number;
  /** Milliseconds since any moment, never decreasing, for intervals. */
  readonly ticks: () => number;
  readonly log: Log;
  readonly monitor: Monitor;
  /** Gets what clients do with files. */
  readonly access?: AccessListener | undefined;
  /** The current registration mode. */
  readonly registration: () => RegistrationMode;
  /** Whether this server does what only one of those that share a catalog has to do. */
  readonly isHousekeeper: () => boolean;
}

export interface Context extends ContextOptions {
  readonly accounts: AccountCache;
  /** State that a client must find at each server. */
  readonly shared: SharedState;
  readonly staging: StagingArea;
  /** Reservations of uploads in progress. */
  readonly quotaReservations: QuotaReservations;
  readonly garbage: GarbageCollector;
  readonly limitLog: LimitLog;
  readonly failedSignIns: FailedSignIns;
  readonly rates: RateLimits;
}

/** A server that shares its catalog with no other. */
const ALONE = { openUploads: undefined, claims: undefined };

/** `shared`: the state of servers that share a catalog; in memory by default. */
export function createContext(
  options: ContextOptions,
  freeSpace: () => Promise<number>,
  shared: SharedState = localState(options.limits, options.ticks),
): Context {
  const { store, limits, ticks, log } = options;
  const { openUploads, claims } = isShared(store.catalog) ? store.catalog : ALONE;
  const garbage = new GarbageCollector({
    catalog: store.catalog,
    blobs: store.blobs,
    openUploads,
    onFailure: (path, error) =>
      log.warn("Could not delete the unused blob {path}: {reason}", {
        event: "orphan.kept",
        ...{ path, reason: printable(String(error)) },
      }),
  });
  const history = historyToDrop({ store, limits, garbage, log });
  return {
    ...options,
    accounts: new AccountCache(store.catalog, ticks),
    shared,
    staging: new StagingArea(store.blobs, limits, freeSpace, history, garbage),
    quotaReservations: new QuotaReservations(claims),
    garbage,
    limitLog: new LimitLog(log, ticks),
    failedSignIns: new FailedSignIns(limits, ticks),
    rates: new RateLimits(limits, ticks),
  };
}

/** Removes expired entries. */
export async function expireShared(context: Context): Promise<void> {
  const { store, limits, clock, shared } = context;
  context.failedSignIns.sweep();
  context.rates.sweep();
  if (!context.isHousekeeper()) return;
  await shared.sweep();
  await store.catalog.accounts.expireRegistrations(clock() - limits.registrationTtlMs);
  await expireHistory(context, clock());
}
