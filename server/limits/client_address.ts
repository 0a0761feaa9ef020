/**
 * The part of an address by which peers are counted.
 *
 * @module
 */

/** The leading groups of an IPv6 address that make up a network. Each network has 2⁶⁴ addresses. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

/**
 * The key under which a peer is counted: its IPv4 address, or its IPv6 network (/64). An IPv4 address that is mapped to
 * IPv6 counts as IPv4.
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

/** The key under which a peer is counted, from its address as `HOST:PORT`. */
export function originOf(address: string): string {
  return addressKey(address.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""));
}
