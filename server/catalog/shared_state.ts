/**
 * State that a client must find again at each server that it reaches: over protocol 3, it can open a connection for each
 * request. A server alone keeps it in memory.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { StoredProfile } from "./accounts.ts";
import type { Catalog } from "./catalog.ts";

/** Attempts to register, by the address that they are counted for. */
export interface Registrations {
  /** Counts an attempt. Returns the number of attempts within the last hour, with this one. */
  count(origin: string): Promise<number>;
}

/** The AES keys with which clients of protocol 3 encrypt files: the last one given to each account. */
export interface SessionSecrets {
  /** Sets the key of an account. */
  set(accountId: Bytes, aesKey: Bytes): Promise<void>;
  /** The key of an account, unless it has expired. Its time to live starts again. */
  find(accountId: Bytes): Promise<Bytes | undefined>;
  /** Removes the key of an account. */
  delete(accountId: Bytes): Promise<void>;
}

/** An id for a client that was denied. */
export interface ReservedId {
  /** The name for which the id is reserved. */
  readonly name: string;
  /** The id that the client had sent. */
  readonly claimedId: Bytes;
  /** The profile of the client. */
  readonly storedProfile: StoredProfile;
}

/** Ids for clients that were denied. A client can continue under its id, which enters the catalog only then. */
export interface ReservedIds {
  /** Reserves an id. */
  add(id: Bytes, reserved: ReservedId): Promise<void>;
  /** The reservation of an id, unless it has expired. */
  find(id: Bytes): Promise<ReservedId | undefined>;
  /** All reservations for a name, oldest first. */
  ofName(name: string): Promise<ReservedId[]>;
  /** Removes all reservations for a name, which a client has registered now. */
  deleteName(name: string): Promise<void>;
}

/** The state that servers share. */
export interface SharedState {
  /** Attempts to register. */
  readonly registrations: Registrations;
  /** Keys of protocol 3. */
  readonly sessions: SessionSecrets;
  /** Ids of protocol 3. */
  readonly reservedIds: ReservedIds;
  /** Removes expired entries. */
  sweep(): Promise<void>;
}

/** A capability: a catalog that keeps the state, so that several servers can share it. */
export interface StateSharing {
  /** The state. */
  readonly state: SharedState;
}

/** Whether a catalog keeps the state of servers. */
export function isStateSharing(catalog: Catalog): catalog is Catalog & StateSharing {
  return "state" in catalog;
}
