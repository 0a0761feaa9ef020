/**
 * Networks of addresses, written as CIDR.
 *
 * @module
 */
import { BlockList, isIP } from "node:net";

/** The addresses that begin with the same bits. */
export interface Network {
  /** An IPv4 or IPv6 address. */
  readonly address: string;
  /** The number of equal bits. */
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;
const FAMILIES = { 4: "ipv4", 6: "ipv6" } as const;

/** Parses `ADDRESS/BITS`, or one address. Returns `undefined` for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if ((version !== 4 && version !== 6) || address.includes("%") || more.length > 0) {
    return undefined;
  }
  if (bits === undefined) return { address, prefix: BITS[version] };
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity;
  return prefix <= BITS[version] ? { address, prefix } : undefined;
}

export class Networks {
  readonly #list = new BlockList();

  constructor(networks: readonly Network[]) {
    for (const { address, prefix } of networks) {
      this.#list.addSubnet(address, prefix, FAMILIES[isIP(address) === 4 ? 4 : 6]);
    }
  }

  /** Whether an address is in one of the networks. An IPv4 address that is mapped to IPv6 counts as IPv4. */
  has(hostname: string): boolean {
    const address = hostname.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.)/i, "");
    const version = isIP(address);
    return (version === 4 || version === 6) && this.#list.check(address, FAMILIES[version]);
  }
}
