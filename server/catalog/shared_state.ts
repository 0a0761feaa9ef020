/**
 * State that a client must find again at each server that it reaches: over protocol 3, it can open a connection for each
 * request. A server alone keeps it in memory.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { StoredProfile } from "./accounts.ts";

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

/** A correct checksum of a file that its client has rejected. */
export interface Dispute {
  /** The cksum of the file. */
  readonly crc: number;
  /** The size of the file in bytes. */
  readonly size: number;
  /** The number of times that the client has rejected the cksum. */
  readonly times: number;
  /** Whether the client has rejected zlib's checksum too. */
  readonly isOtherWrong: boolean;
}

/** Disputes of clients of protocol 3, by account and name of the file. */
export interface Disputes {
  /** Sets the dispute about a file. */
  set(accountId: Bytes, name: string, dispute: Dispute): Promise<void>;
  /** The dispute about a file, unless it has expired. */
  find(accountId: Bytes, name: string): Promise<Dispute | undefined>;
  /** Removes the dispute about a file. */
  delete(accountId: Bytes, name: string): Promise<void>;
}

/** The state that servers share. */
export interface SharedState {
  /** Attempts to register. */
  readonly registrations: Registrations;
  /** Keys of protocol 3. */
  readonly sessions: SessionSecrets;
  /** Ids of protocol 3. */
  readonly reservedIds: ReservedIds;
  /** Disputes of protocol 3. */
  readonly disputes: Disputes;
  /** Removes expired entries. */
  sweep(): Promise<void>;
}
