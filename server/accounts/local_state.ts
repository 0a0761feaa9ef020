/**
 * The state of a server that shares it with no other: in memory, with bounds.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { Dispute, ReservedId, SharedState } from "../catalog/shared_state.ts";
import type { StateBounds, StateKind } from "../catalog/state_rows.ts";
import type { Limits } from "../limits/limits.ts";
import { TtlMap } from "../ttl_map.ts";

/** The time for which attempts to register are counted. */
const COUNTED_MS = 60 * 60_000;
/** The time for which a dispute is remembered. A failed client is usually started again within a day. */
const DISPUTE_MS = 24 * 60 * 60_000;
/** The most disputes of all clients together, a few hundred bytes each. */
const MAX_DISPUTES = 1000;

/** The bounds of the state in memory and in a catalog. The limits can change at any time. */
export function stateBounds(limits: Limits): Readonly<Record<StateKind, StateBounds>> {
  return {
    registrations: { ttlMs: COUNTED_MS, max: limits.maxAddresses },
    sessions: { ttlMs: limits.sessionTtlMs, max: limits.maxSessions },
    reservedIds: { ttlMs: limits.registrationTtlMs, max: limits.maxReservations },
    disputes: { ttlMs: DISPUTE_MS, max: MAX_DISPUTES },
  };
}

/** The limits can change at any time. `ticks`: milliseconds since any moment, never decreasing. */
export function localState(limits: Limits, ticks: () => number): SharedState {
  const mapOf = <V>(kind: StateKind) => new TtlMap<V>(() => stateBounds(limits)[kind], ticks);
  const attempts = mapOf<{ count: number }>("registrations");
  const keys = mapOf<Bytes>("sessions");
  const ids = mapOf<ReservedId>("reservedIds");
  const disputes = mapOf<Dispute>("disputes");
  const disputed = (accountId: Bytes, name: string) => `${toHex(accountId)} ${name}`;
  return {
    registrations: {
      count(origin) {
        const before = attempts.peek(origin);
        const counter = before ?? { count: 0 };
        if (before === undefined) attempts.set(origin, counter);
        return Promise.resolve(++counter.count);
      },
    },
    sessions: {
      set: (accountId, aesKey) => Promise.resolve(keys.set(toHex(accountId), aesKey)),
      find: (accountId) => Promise.resolve(keys.get(toHex(accountId))),
      delete: (accountId) => Promise.resolve(keys.delete(toHex(accountId))),
    },
    reservedIds: {
      add: (id, reserved) => Promise.resolve(ids.set(toHex(id), reserved)),
      find: (id) => Promise.resolve(ids.peek(toHex(id))),
      ofName: (name) =>
        Promise.resolve(
          Array.from(ids.entries(), ([, reserved]) => reserved)
            .filter((reserved) => reserved.name === name),
        ),
      deleteName(name) {
        for (const [id, reserved] of [...ids.entries()]) {
          if (reserved.name === name) ids.delete(id);
        }
        return Promise.resolve();
      },
    },
    disputes: {
      set: (accountId, name, dispute) =>
        Promise.resolve(disputes.set(disputed(accountId, name), dispute)),
      find: (accountId, name) => Promise.resolve(disputes.peek(disputed(accountId, name))),
      delete: (accountId, name) => Promise.resolve(disputes.delete(disputed(accountId, name))),
    },
    sweep() {
      for (const map of [attempts, keys, ids, disputes]) map.sweep();
      return Promise.resolve();
    },
  };
}
