/**
 * Addresses as people write them: `HOST:PORT`.
 *
 * @module
 */
/** An address to connect to or to listen at. */
export interface Address {
  /** An IPv4 address, an IPv6 address without brackets (possibly with a zone, such as `%eth0`), or a host name. */
  readonly hostname: string;
  /** 0 to 65535; 0 to listen on any free port. */
  readonly port: number;
}

/** The largest port. */
export const MAX_PORT = 65_535;

/**
 * Parses `HOST:PORT`: an IPv4 address, a host name or an IPv6 address in brackets, and a port of 0 to 65535. Returns
 * `undefined` for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~-]+)?)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/
    .exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return hostname !== undefined && port <= MAX_PORT ? { hostname, port } : undefined;
}

/** Formats an address as `HOST:PORT`, with an IPv6 address in brackets. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Removes the zone of an IPv6 address, such as `%eth0`, which means something only on this machine. */
export function withoutZone(hostname: string): string {
  return hostname.replace(/%.*$/, "");
}
