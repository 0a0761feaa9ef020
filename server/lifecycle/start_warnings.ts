/**
 * Warnings at the start of a server.
 *
 * @module
 */
import { type Address, formatAddress } from "../../protocol/address.ts";
import { isLocal } from "../admin/admin_address.ts";
import type { LiveSettings } from "../limits/live_settings.ts";
import type { Log } from "../limits/server_log.ts";
import type { TlsIdentity } from "../listen/tls/identity.ts";

/** Warns if anyone who reaches the server can store without a limit. */
export function warnIfOpen(
  { registration, limits }: LiveSettings,
  addresses: readonly Address[],
  log: Log,
): void {
  const address = addresses.find((address) => !isLocal(address));
  if (registration !== "open" || limits.quota < Infinity || address === undefined) return;
  log.warn("Anyone who reaches {address} can register and store without a limit: {advice}", {
    event: "server.open",
    ...{ address: formatAddress(address), advice: "set --registration invite, or a --quota" },
  });
}

/** Passes on the warnings of a certificate, such as that it expires soon. */
export function warnOfCertificate(identity: TlsIdentity | undefined, log: Log): void {
  for (const warning of identity?.warnings ?? []) {
    log.warn("{warning}", { event: "server.certificate", warning });
  }
}
