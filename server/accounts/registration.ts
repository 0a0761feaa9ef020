/**
 * Checks of both protocols when a client registers or returns: registrations per address, expired registrations, and
 * the time it was last seen.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { Account, RegistrationMode } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { LimitError, type Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import type { SharedState } from "../catalog/shared_state.ts";

/** Counts an attempt to register. Throws `LimitError` if the address has made too many. */
export async function countRegistration(
  { shared, limits }: { readonly shared: SharedState; readonly limits: Limits },
  { origin }: { readonly origin: string },
): Promise<void> {
  const count = await shared.registrations.count(origin);
  const { maxRegistrationsPerHour } = limits;
  if (count <= maxRegistrationsPerHour) return;
  throw new LimitError("maxRegistrationsPerHour", maxRegistrationsPerHour);
}

/**
 * Registrations without a key expire if they were made before this time. Without open registration all of them do,
 * since a key would complete them.
 */
export function pendingBefore({ registration, clock, limits }: {
  readonly registration: () => RegistrationMode;
  readonly clock: () => number;
  readonly limits: Limits;
}): number {
  return registration() === "open" ? clock() - limits.registrationTtlMs : Infinity;
}

/** The precision of an account's last-seen time, in milliseconds. Each update costs a sync of the disk. */
const SEEN_PRECISION_MS = 60_000;

/** Records that an account was seen. Nothing depends on it, so callers don't wait for the commit. */
export function noteSeen(
  { store, clock, log }: {
    readonly store: { readonly catalog: { readonly accounts: Pick<Catalog["accounts"], "touch"> } };
    readonly clock: () => number;
    readonly log: Log;
  },
  { id, name, lastSeen }: Pick<Account, "id" | "name" | "lastSeen">,
): void {
  const now = clock();
  if (Math.abs(now - lastSeen) < SEEN_PRECISION_MS) return;
  store.catalog.accounts.touch(id, now).catch((error) => {
    log.error("Could not save when {user} was last seen: {reason}", {
      event: "client.not-noted",
      client: toHex(id),
      user: name,
      reason: printable(String(error)),
    });
  });
}
