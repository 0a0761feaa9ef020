/**
 * Starts the delivery of events. A module of its own, so that a server without a receiver does not load it.
 *
 * @module
 */
import { reasonOf } from "../../protocol/errors.ts";
import { HookDelivery, type HookDeliveryOptions } from "./hook_delivery.ts";
import { HookReceiver, type HookReceiverOptions } from "./hook_receiver.ts";
import { badSecret, HookSigner } from "./hook_signature.ts";

export interface OpenHooksOptions
  extends Omit<HookDeliveryOptions, "receiver">, Pick<HookReceiverOptions, "url" | "deliveryMs"> {
  /** Reads the secrets. */
  readonly readSecrets: () => Promise<string>;
}

/** Throws `ConfigurationError` `bad-hook-secret`. */
export async function openHooks(
  { readSecrets, ...options }: OpenHooksOptions,
): Promise<HookDelivery> {
  let secrets: string;
  try {
    secrets = await readSecrets();
  } catch (cause) {
    throw badSecret(reasonOf(cause), cause);
  }
  const signer = new HookSigner(secrets);
  const receiver = new HookReceiver({ ...options, signer });
  return await HookDelivery.start({ ...options, receiver });
}
