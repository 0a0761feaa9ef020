/**
 * An operator's functions for the events that wait for a receiver, whether the server runs or not.
 *
 * @module
 */
import { UsageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { HookSelection, QueuedHook } from "../catalog/hook_queue.ts";
import { type ServerLocation, withReadOnly, withWritable } from "../stores/with_store.ts";

export type { HookSelection, QueuedHook };

/** The most events of one look-up. */
const PAGE = 500;

/** Calls `visit` with each event that waits or is dead, oldest first. Throws `ConfigurationError` `no-data-folder`. */
export function visitHooks(
  location: ServerLocation,
  visit: (hook: QueuedHook) => void,
): Promise<void> {
  return withReadOnly(location, async ({ catalog: { hooks } }) => {
    for (let after = 0;;) {
      const page = await hooks.list(after, PAGE);
      page.forEach(visit);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.number;
    }
  });
}

/**
 * Makes events due now. Dead ones wait again. Returns their number. Throws `ConfigurationError` `no-data-folder`,
 * `UsageError` `no-such-hook`.
 */
export function retryHooks(location: ServerLocation, which: HookSelection): Promise<number> {
  return withWritable(
    location,
    async ({ catalog: { hooks } }) => found(which, await hooks.retry(which)),
  );
}

/** Removes events, which are never delivered. Returns their number. Throws as {@link retryHooks}. */
export function dropHooks(location: ServerLocation, which: HookSelection): Promise<number> {
  return withWritable(
    location,
    async ({ catalog: { hooks } }) => found(which, await hooks.drop(which)),
  );
}

function found(which: HookSelection, count: number): number {
  if (count > 0 || typeof which === "string") return count;
  throw new UsageError("no-such-hook", `no such event: ${printable(which.delivery)}`, {
    hint: "To see the events, run 'xfer server hooks list'.",
  });
}
