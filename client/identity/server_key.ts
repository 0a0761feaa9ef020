/**
 * The key under which a client remembers a server.
 *
 * @module
 */
import { type Address, formatAddress, withoutZone } from "../../protocol/address.ts";

/** `HOST:PORT`. Host names ignore case; IPv6 zones do not. */
export function serverKey({ hostname, port }: Address): string {
  const host = withoutZone(hostname);
  const zone = hostname.slice(host.length);
  return formatAddress({ hostname: host.toLowerCase() + zone, port });
}
