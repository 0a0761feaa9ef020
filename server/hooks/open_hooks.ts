/**
 * Starts the delivery of events. A module of its own, so that a server without a receiver does not load it.
 *
 * @module
 */
import { reasonOf } from "../../protocol/errors.ts";
import { HookDelivery, type HookDeliveryOptions } from "./hook_delivery.ts";
import { HookReceiver, type HookReceiverOptions } from "./hook_receiver.ts";
import type { ReportedHooks } from "./hook_settings.ts";
import { badSecret, HookSigner } from "./hook_signature.ts";

export interface OpenHooksOptions
  extends Omit<HookDeliveryOptions, "receiver">, Pick<HookReceiverOptions, "url" | "deliveryMs"> {
  /** Reads the secrets. */
  readonly readSecrets: () => Promise<string>;
}

/** A delivery of events. */
export interface OpenHooks extends ReportedHooks, AsyncDisposable {
  /**
   * Reads the secrets again, for events that are sent from now on. Returns whether they have changed. Throws
   * `ConfigurationError` `bad-hook-secret`, and keeps the old ones.
   */
  reload(): Promise<boolean>;
}

/** Throws `ConfigurationError` `bad-hook-secret`. */
export async function openHooks(
  { readSecrets, ...options }: OpenHooksOptions,
): Promise<OpenHooks> {
  const read = async () => {
    try {
      return await readSecrets();
    } catch (cause) {
      throw badSecret(reasonOf(cause), cause);
    }
  };
  let secrets = await read();
  const receiver = new HookReceiver({ ...options, signer: new HookSigner(secrets) });
  const delivery = await HookDelivery.start({ ...options, receiver });
  return {
    report: () => delivery.report(),
    async reload() {
      const before = secrets;
      const now = await read();
      receiver.signer = new HookSigner(now);
      secrets = now;
      return now !== before;
    },
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  };
}
