/**
 * Servers that are verified by name, with a certificate from a certificate authority (docs/protocol-4.md, "The
 * channel").
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";

const CONTEXT = "xfer/4 server name\0";

/**
 * The bytes that clients sign instead of a fingerprint for a server that was verified by its name: 32 bytes. A server
 * with another name cannot use the signature, whatever certificate it has.
 */
export async function fingerprintOfName(name: string): Promise<Bytes> {
  const text = new TextEncoder().encode(CONTEXT + canonicalName(name));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text));
}

/** Returns a host name in lower case, an IPv6 address in its shortest form. */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  const url = lower.includes(":") ? `http://[${lower}]` : undefined;
  return url !== undefined && URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : lower;
}

/** Whether a certificate with these names is valid for a host (RFC 9525 6.3): `*` stands for one whole first label. */
export function isOneOf(name: string, names: readonly string[]): boolean {
  const wanted = canonicalName(name);
  const [, parent] = wanted.split(/\.(.*)/s);
  return names.map(canonicalName).some((own) =>
    own === wanted || (parent !== undefined && own === `*.${parent}`)
  );
}
