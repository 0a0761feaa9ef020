/**
 * The state of `SharedState` in a catalog that several servers use. Times are those of the catalog's clock.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { Dispute, ReservedId } from "./shared_state.ts";

/** The bounds of entries of one kind. */
export interface StateBounds {
  /** The time after which an unused entry expires, in milliseconds. */
  readonly ttlMs: number;
  /** The most entries. */
  readonly max: number;
}

/** The kinds of entries. */
export type StateKind = "registrations" | "sessions" | "reservedIds" | "disputes";

/** Rows of the state. Each method is one transaction. */
export interface StateRows {
  /** Counts an attempt to register. Returns the number of attempts since the first one within `ttlMs`. */
  countRegistration(origin: string, ttlMs: number): Promise<number>;
  /** Sets the key of an account, which is encrypted. */
  setSession(accountId: Bytes, wrappedKey: Bytes): Promise<void>;
  /** The key of an account, unless it was unused for `ttlMs`. Its time to live starts again. */
  findSession(accountId: Bytes, ttlMs: number): Promise<Bytes | undefined>;
  /** Removes the key of an account. */
  deleteSession(accountId: Bytes): Promise<void>;
  /** Reserves an id. If there are more than `max`, the oldest ones make room. */
  reserveId(id: Bytes, reserved: ReservedId, max: number): Promise<void>;
  /** The reservation of an id, unless it is older than `ttlMs`. */
  reservedId(id: Bytes, ttlMs: number): Promise<ReservedId | undefined>;
  /** The reservations for a name that are not older than `ttlMs`, oldest first. */
  reservedFor(name: string, ttlMs: number): Promise<ReservedId[]>;
  /** Removes the reservations for a name. */
  deleteReserved(name: string): Promise<void>;
  /** Sets the dispute about a file. */
  setDispute(accountId: Bytes, name: string, dispute: Dispute): Promise<void>;
  /** The dispute about a file, unless it is older than `ttlMs`. */
  findDispute(accountId: Bytes, name: string, ttlMs: number): Promise<Dispute | undefined>;
  /** Removes the dispute about a file. */
  deleteDispute(accountId: Bytes, name: string): Promise<void>;
  /** Removes entries that have expired or are too many, those unused for longest. */
  sweepState(bounds: Readonly<Record<StateKind, StateBounds>>): Promise<void>;
}
