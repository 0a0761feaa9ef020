/**
 * Where the operator's HTTP port listens.
 *
 * @module
 */
import { type Address, formatAddress } from "../../protocol/address.ts";

/** An address, or the path of a unix socket. */
export type AdminAddress = Address | { readonly path: string };

/** Whether only programs of this machine can connect. */
export function isLocal(address: AdminAddress): boolean {
  return "path" in address || isLoopback(address.hostname);
}

/** Whether a host is this machine itself. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

export function formatAdminAddress(address: AdminAddress): string {
  return "path" in address ? `unix:${address.path}` : formatAddress(address);
}
