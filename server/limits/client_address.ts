/**
 * Peers told apart by where they come from.
 *
 * @module
 */

/** Groups of an IPv6 address that name a network; whoever has one has all of the 2⁶⁴ addresses in it. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

/**
 * What stands for a peer where it is counted: its IPv4 address, or its IPv6 network of 64 bits. An IPv4 address that
 * came in over IPv6 is that IPv4 address.
 */
export function addressKey(hostname: string): string {
  const mapped = /^(?:::ffff:)(\d+\.\d+\.\d+\.\d+)$/i.exec(hostname)?.[1];
  if (mapped !== undefined) return mapped;
  if (!hostname.includes(":")) return hostname;
  const [address = ""] = hostname.split("%");
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":");
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array<string>(Math.max(0, GROUPS - before.length - after.length)).fill("0");
  const all = [...before, ...zeros, ...after].map((group) => parseInt(group, 16).toString(16));
  return `${all.slice(0, NETWORK_GROUPS).join(":")}::/64`;
}
