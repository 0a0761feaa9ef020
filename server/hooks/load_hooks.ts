/**
 * Loads the delivery of events if a server has a receiver.
 *
 * @module
 */
import type { HookDeliveryOptions } from "./hook_delivery.ts";
import type { HookReceiverOptions } from "./hook_receiver.ts";
import { checkHookUrl, DEFAULT_HOOK_KINDS, type HookSettings } from "./hook_settings.ts";
import type { OpenHooks } from "./open_hooks.ts";

/** The parts of a server that hooks need. */
export interface HookSystem extends Omit<HookDeliveryOptions, "receiver" | "kinds"> {
  readonly deliveryMs?: HookReceiverOptions["deliveryMs"];
}

/**
 * Starts to queue and deliver events. Throws `ConfigurationError` `bad-hook-url`, `bad-hook-secret`.
 */
export async function loadHooks(
  settings: HookSettings,
  system: HookSystem,
): Promise<OpenHooks> {
  const url = checkHookUrl(settings);
  const { openHooks } = await load<typeof import("./open_hooks.ts")>(
    new URL("./open_hooks.ts", import.meta.url),
  );
  const { kinds = DEFAULT_HOOK_KINDS, secretFile } = settings;
  return await openHooks({ ...system, url, kinds, secretFile });
}

/** Before a program starts, Deno reads every module that an import names by a literal. This import names none. */
function load<M>({ href }: URL): Promise<M> {
  return import(href);
}
