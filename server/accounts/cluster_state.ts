/**
 * The state of servers that share a catalog, in its rows. Nothing is cached: another server can change each entry at any
 * time, and a client that exchanges keys and sends files on one connection asks for none.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { SharedState } from "../catalog/shared_state.ts";
import type { StateRows } from "../catalog/state_rows.ts";
import type { Limits } from "../limits/limits.ts";
import { stateBounds } from "./local_state.ts";

/** Encrypts keys, so that the catalog does not know them. */
export interface KeyWrapper {
  /** Encrypts a value, which can be decrypted only under the same name. */
  wrap(name: string, value: Bytes): Promise<Bytes>;
  /** Decrypts a value. */
  unwrap(name: string, wrapped: Bytes): Promise<Bytes>;
}

/** The limits can change at any time. */
export function clusterState(rows: StateRows, secret: KeyWrapper, limits: Limits): SharedState {
  const bounds = () => stateBounds(limits);
  const keyName = (accountId: Bytes) => `session ${toHex(accountId)}`;
  return {
    registrations: {
      count: (origin) => rows.countRegistration(origin, bounds().registrations.ttlMs),
    },
    sessions: {
      async set(accountId, aesKey) {
        await rows.setSession(accountId, await secret.wrap(keyName(accountId), aesKey));
      },
      async find(accountId) {
        const wrapped = await rows.findSession(accountId, bounds().sessions.ttlMs);
        return wrapped && await secret.unwrap(keyName(accountId), wrapped);
      },
      delete: (accountId) => rows.deleteSession(accountId),
    },
    reservedIds: {
      add: (id, reserved) => rows.reserveId(id, reserved, bounds().reservedIds.max),
      find: (id) => rows.reservedId(id, bounds().reservedIds.ttlMs),
      ofName: (name) => rows.reservedFor(name, bounds().reservedIds.ttlMs),
      deleteName: (name) => rows.deleteReserved(name),
    },
    disputes: {
      set: (accountId, name, dispute) => rows.setDispute(accountId, name, dispute),
      find: (accountId, name) => rows.findDispute(accountId, name, bounds().disputes.ttlMs),
      delete: (accountId, name) => rows.deleteDispute(accountId, name),
    },
    sweep: () => rows.sweepState(bounds()),
  };
}
