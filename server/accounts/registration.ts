/**
 * What both protocols ask when a client registers or comes back: how often its address may, which registrations have
 * expired, and when it was last seen.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { RegistrationMode } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { LimitError, type Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import type { TtlMap } from "../ttl_map.ts";

/** How often each address has asked to register, by `addressKey`, since it began to within the last hour. */
export type RegistrationCounts = TtlMap<{ count: number }>;

/** Throws `LimitError` where an address registers too many. */
export function countRegistration(
  { registrations, limits }: {
    readonly registrations: RegistrationCounts;
    readonly limits: Limits;
  },
  { origin }: { readonly origin: string },
): void {
  const before = registrations.peek(origin);
  const counter = before ?? { count: 0 };
  if (before === undefined) registrations.set(origin, counter);
  counter.count++;
  const { maxRegistrationsPerHour } = limits;
  if (counter.count <= maxRegistrationsPerHour) return;
  throw new LimitError("maxRegistrationsPerHour", maxRegistrationsPerHour);
}

/**
 * Registrations without a key that were made before this time are over: all of them where nobody registers by himself,
 * since a key would complete one.
 */
export function pendingBefore({ registration, clock, limits }: {
  readonly registration: () => RegistrationMode;
  readonly clock: () => number;
  readonly limits: Limits;
}): number {
  return registration() === "open" ? clock() - limits.registrationTtlMs : Infinity;
}

/** When a client was last seen is known to this many milliseconds: each time to note it is a sync of the disk. */
const SEEN_PRECISION_MS = 60_000;

/** Nothing depends on it, so nobody waits for it: a commit may have to wait for others. */
export function noteSeen(
  { store, clock, log }: {
    readonly store: { readonly catalog: { readonly accounts: Pick<Catalog["accounts"], "touch"> } };
    readonly clock: () => number;
    readonly log: Log;
  },
  { id, lastSeen }: { readonly id: Bytes; readonly lastSeen: number },
): void {
  const now = clock();
  if (Math.abs(now - lastSeen) < SEEN_PRECISION_MS) return;
  store.catalog.accounts.touch(id, now).catch((error) => {
    log.error("Could not note that {client} was seen: {reason}", {
      event: "client.not-noted",
      client: toHex(id),
      reason: printable(String(error)),
    });
  });
}
