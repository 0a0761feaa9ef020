/**
 * A server's fingerprint, SHA-256 of its public key, as people and certificates have it.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { Bytes } from "../bytes.ts";
import { toBase32 } from "../encoding/base32.ts";

const PREFIX = "SHA256:";
const SCHEME = "xfer://";
/** No public authority issues names below it: RFC 6761 6.4. */
const DOMAIN = ".xfer.invalid";

/** SHA-256 of the public key of a certificate in DER. Throws where it is none. */
export async function fingerprintOf(certificate: Bytes): Promise<Bytes> {
  const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(spki)));
}

/** The fingerprint of a client's key, which is 32 raw bytes, as people have it. */
export async function fingerprintOfKey(key: Bytes): Promise<string> {
  return formatFingerprint(new Uint8Array(await crypto.subtle.digest("SHA-256", key)));
}

/** `SHA256:` and base64 without padding. */
export function formatFingerprint(fingerprint: Bytes): string {
  return PREFIX + btoa(String.fromCharCode(...fingerprint)).replace(/=+$/, "");
}

/** The fingerprint, or `undefined` where `text` is none. */
export function parseFingerprint(text: string): Bytes | undefined {
  if (!/^SHA256:[A-Za-z0-9+/]{43}$/.test(text)) return undefined;
  const fingerprint = Uint8Array.from(
    atob(text.slice(PREFIX.length)),
    (char) => char.charCodeAt(0),
  );
  // The last of 43 characters has two bits that nothing is made of.
  return formatFingerprint(fingerprint) === text ? fingerprint : undefined;
}

/** The only name in the certificate of a server with this fingerprint: 52 characters of base32, and the domain. */
export function certificateName(fingerprint: Bytes): string {
  return toBase32(fingerprint) + DOMAIN;
}

/**
 * Whether a certificate has the name that only the owner of its key would give it: it is pinned by the fingerprint, and no
 * authority has to do with it.
 */
export function isSelfMade(certificate: Bytes, fingerprint: Bytes): boolean {
  const text = Array.from(certificate, (byte) => String.fromCharCode(byte)).join("");
  return text.includes(certificateName(fingerprint));
}

/** Where a server is, and what is known of it. */
export interface Location {
  readonly address: Address;
  /** Whether it is written `xfer://…`: protocol 4 is spoken there, and nothing else is to be. */
  readonly secure: boolean;
  /** Of the server that is to be there; only in one that is secure. */
  readonly fingerprint: Bytes | undefined;
}

/** Reads `HOST:PORT`, `xfer://HOST:PORT` or `xfer://HOST:PORT#SHA256:…`; `undefined` for anything else. */
export function parseLocation(text: string): Location | undefined {
  const secure = text.startsWith(SCHEME);
  const [where = "", hash] = secure ? text.slice(SCHEME.length).split(/#(.*)/s) : [text];
  const address = parseAddress(where);
  const fingerprint = hash === undefined ? undefined : parseFingerprint(hash);
  if (address === undefined || (hash !== undefined && fingerprint === undefined)) return undefined;
  return { address, secure, fingerprint };
}

/** What {@link parseLocation} reads. */
export function formatLocation({ address, secure, fingerprint }: Location): string {
  const where = formatAddress(address);
  if (!secure) return where;
  return SCHEME + where + (fingerprint === undefined ? "" : `#${formatFingerprint(fingerprint)}`);
}
