/**
 * What the handlers of all connections share.
 *
 * @module
 */
import type { Logger } from "@logtape/logtape";
import type { Bytes, Profile } from "../protocol/mod.ts";
import type { Entropy } from "./entropy.ts";
import { ExpiringMap } from "./expiring_map.ts";
import type { Limits } from "./limits.ts";
import type { Store } from "./store/data_folder.ts";
import { ParkedUploads } from "./parked.ts";
import { UnverifiedFiles } from "./unverified.ts";

export interface Context {
  readonly store: Store;
  readonly limits: Limits;
  readonly entropy: Entropy;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Logger;
  /** The AES key that a client was last given on any connection, by its id in hexadecimal. */
  readonly sessions: ExpiringMap<CryptoKey>;
  /** For whom an id was reserved by a denied reconnection, by that id in hexadecimal. */
  readonly reservations: ExpiringMap<Reservation>;
  readonly unverified: UnverifiedFiles;
  /** Files whose further packets come on connections of their own. */
  readonly parked: ParkedUploads;
}

export interface Reservation {
  readonly name: string;
  /** The id under which the client had asked. */
  readonly claimedId: Bytes;
  readonly profile: Profile;
}

export type Shared = Pick<Context, "store" | "limits" | "entropy" | "clock" | "log">;

export function createContext(shared: Shared): Context {
  const { limits, clock } = shared;
  const reservations = { ttlMs: limits.registrationTtlMs, max: limits.maxReservations, clock };
  return {
    ...shared,
    sessions: new ExpiringMap({ ttlMs: limits.sessionTtlMs, max: limits.maxSessions, clock }),
    reservations: new ExpiringMap(reservations),
    unverified: new UnverifiedFiles(limits, shared.log),
    parked: new ParkedUploads(),
  };
}

/** What one connection adds. */
export interface Peer {
  /** Unique among the connections of this process. */
  readonly connection: number;
  /** `HOST:PORT`. */
  readonly address: string;
  /** How it speaks, as far as it is known by now. */
  profile: Profile;
  /** The last AES key given on this connection, and to whom; used before the one of `Context.sessions`. */
  key: { readonly clientId: Bytes; readonly key: CryptoKey; usedAt: number } | undefined;
}
