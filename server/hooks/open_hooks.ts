/**
 * Starts the delivery of events. A module of its own, so that a server without a receiver does not load it.
 *
 * @module
 */
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { HookDelivery, type HookDeliveryOptions } from "./hook_delivery.ts";
import { HookReceiver, type HookReceiverOptions } from "./hook_receiver.ts";
import type { ReportedHooks } from "./hook_settings.ts";
import { badSecret, HookSigner } from "./hook_signature.ts";

/** The variable with the secrets. */
const HOOK_SECRET = "XFER_HOOK_SECRET";

export interface OpenHooksOptions
  extends Omit<HookDeliveryOptions, "receiver">, Pick<HookReceiverOptions, "url" | "deliveryMs"> {
  /** A file with the secrets; by default, the variable `XFER_HOOK_SECRET` has them. */
  readonly secretFile?: string | undefined;
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
  { secretFile, ...options }: OpenHooksOptions,
): Promise<OpenHooks> {
  let secrets = await readSecrets(secretFile);
  const receiver = new HookReceiver({ ...options, signer: new HookSigner(secrets) });
  const delivery = await HookDelivery.start({ ...options, receiver });
  return {
    report: () => delivery.report(),
    async reload() {
      const before = secrets;
      const now = await readSecrets(secretFile);
      receiver.signer = new HookSigner(now);
      secrets = now;
      return now !== before;
    },
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  };
}

async function readSecrets(file: string | undefined): Promise<string> {
  if (file === undefined) return Deno.env.get(HOOK_SECRET) ?? "";
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw badSecret(`cannot read ${printable(file)}: ${reasonOf(cause)}`, cause);
  }
}
