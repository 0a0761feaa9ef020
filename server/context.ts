/**
 * What the handlers of all connections share.
 *
 * @module
 */
import type { Bytes, Profile } from "../protocol/mod.ts";
import type { HelloAnswer } from "../protocol/hello.ts";
import { Accounts } from "./accounts/account_cache.ts";
import type { RegistrationCounts } from "./accounts/registration.ts";
import { Claims } from "./uploads/quota_reservations.ts";
import { Disputes } from "./v3/disputed_checksums.ts";
import type { Entropy } from "./random.ts";
import { ExpiringMap } from "./ttl_map.ts";
import { LimitLog } from "./limits/limit_log.ts";
import type { Limits } from "./limits/limits.ts";
import { ParkedUploads } from "./v3/pending_uploads.ts";
import { SessionKeys } from "./v3/session_keys.ts";
import { Staging } from "./uploads/staging_area.ts";
import type { RegistrationMode } from "./catalog/accounts.ts";
import { SharedWork } from "./shared_work.ts";
import type { Tree } from "./catalog/catalog.ts";
import type { Store } from "./data_folder/data_folder.ts";
import { UnverifiedFiles } from "./v3/unverified_files.ts";
import { Guests } from "./v4/revocation.ts";
import { HeldUploads } from "./v4/partial_uploads.ts";
import { Transfers } from "./v4/open_uploads.ts";
import type { Log } from "./limits/server_log.ts";

export interface Context {
  readonly store: Store;
  /** Their values may change at any time: whoever needs one asks here for it, and keeps no copy. */
  readonly limits: Limits;
  readonly entropy: Entropy;
  /** Milliseconds since the epoch: for times that are shown, stored, or compared with stored ones. */
  readonly clock: () => number;
  /** Milliseconds from any moment on, which never go back as the clock may: for intervals. */
  readonly ticks: () => number;
  readonly log: Log;
  /** Who may register now. */
  readonly registration: () => RegistrationMode;
  readonly accounts: Accounts;
  readonly guests: Guests;
  /** Files of protocol 3 that are read whole for their trees, by path. */
  readonly readings: SharedWork<Tree | undefined>;
  /** What a client is told that asks for protocol 4; `undefined` where it is not spoken. */
  readonly helloAnswer: () => HelloAnswer | undefined;
  readonly sessionKeys: SessionKeys;
  /** For whom an id was reserved by a denied reconnection, by that id in hexadecimal. */
  readonly reservations: ExpiringMap<Reservation>;
  readonly registrations: RegistrationCounts;
  readonly staging: Staging;
  /** What that counts towards the quotas of its users. */
  readonly claims: Claims;
  readonly limitLog: LimitLog;
  readonly unverified: UnverifiedFiles;
  readonly disputes: Disputes;
  /** Files whose further packets come on connections of their own. */
  readonly parked: ParkedUploads;
  /** Uploads of protocol 4 that are open … */
  readonly transfers: Transfers;
  /** … and what is held of those that were broken off. */
  readonly held: HeldUploads;
}

export interface Reservation {
  readonly name: string;
  /** The id under which the client had asked. */
  readonly claimedId: Bytes;
  readonly profile: Profile;
}

export type Shared = Pick<
  Context,
  "store" | "limits" | "entropy" | "clock" | "ticks" | "log" | "registration" | "helloAnswer"
>;

/** Whole files that are read at once for what a peer asks, one of each user's: a disk serves others beside. */
const MAX_READINGS = 2;
const HOUR_MS = 60 * 60_000;

export function createContext(shared: Shared, freeSpace: () => Promise<number>): Context {
  const { store, limits, clock, ticks, log } = shared;
  const transfers = new Transfers();
  return {
    ...shared,
    transfers,
    held: new HeldUploads({
      ...{ catalog: store.catalog, blobs: store.blobs, limits, clock, log },
      isOpen: (path) => transfers.isOpen(path),
    }),
    accounts: new Accounts(store.catalog, ticks),
    readings: new SharedWork(MAX_READINGS),
    guests: new Guests(store.catalog, log),
    sessionKeys: new SessionKeys(limits, ticks),
    reservations: new ExpiringMap(
      () => ({ ttlMs: limits.registrationTtlMs, max: limits.maxReservations }),
      ticks,
    ),
    registrations: new ExpiringMap(() => ({ ttlMs: HOUR_MS, max: limits.maxAddresses }), ticks),
    staging: new Staging(store.blobs, limits, freeSpace),
    claims: new Claims(),
    limitLog: new LimitLog(log, ticks),
    unverified: new UnverifiedFiles(limits, log),
    disputes: new Disputes(ticks),
    parked: new ParkedUploads(limits),
  };
}
