/**
 * The state of a server that shares it with no other: in memory, with bounds.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { ReservedId, SharedState } from "../catalog/shared_state.ts";
import type { Limits } from "../limits/limits.ts";
import { TtlMap } from "../ttl_map.ts";

const HOUR_MS = 60 * 60_000;

/** The limits can change at any time. `ticks`: milliseconds since any moment, never decreasing. */
export function localState(limits: Limits, ticks: () => number): SharedState {
  const attempts = new TtlMap<{ count: number }>(
    () => ({ ttlMs: HOUR_MS, max: limits.maxAddresses }),
    ticks,
  );
  const keys = new TtlMap<Bytes>(
    () => ({ ttlMs: limits.sessionTtlMs, max: limits.maxSessions }),
    ticks,
  );
  const ids = new TtlMap<ReservedId>(
    () => ({ ttlMs: limits.registrationTtlMs, max: limits.maxReservations }),
    ticks,
  );
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
    sweep() {
      for (const map of [attempts, keys, ids]) map.sweep();
      return Promise.resolve();
    },
  };
}
