/**
 * `HOST:PORT`, as people write it.
 *
 * @module
 */
/** Where to connect to, or to listen. */
export interface Address {
  /** An IPv4 address, an IPv6 address without brackets, which may end with the `%` and name of a zone, or a name. */
  readonly hostname: string;
  /** 0 to 65535; 0 to listen on any free port. */
  readonly port: number;
}

/** The largest port. */
export const MAX_PORT = 65_535;

/**
 * Reads `HOST:PORT` with an IPv4 address, a name, or an IPv6 address in brackets, and a port of 0 to 65535;
 * `undefined` for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~-]+)?)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/
    .exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return hostname !== undefined && port <= MAX_PORT ? { hostname, port } : undefined;
}

/** `HOST:PORT`, with an IPv6 address in brackets. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** An address as it is known elsewhere too: a zone, such as `%eth0`, is a name of this machine for one of its networks. */
export function withoutZone(hostname: string): string {
  return hostname.replace(/%.*$/, "");
}
