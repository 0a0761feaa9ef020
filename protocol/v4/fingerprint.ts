/**
 * A server's fingerprint, the SHA-256 of its public key, in text, addresses and certificates.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { Bytes } from "../bytes.ts";
import { toBase32 } from "../encoding/base32.ts";

const PREFIX = "SHA256:";
const SCHEME = "xfer://";
/** No public CA issues names in this domain: RFC 6761 6.4. */
const DOMAIN = ".xfer.invalid";

/**
 * The SHA-256 of the public key (SubjectPublicKeyInfo) of a certificate in DER, 32 bytes. Throws if it is not a
 * certificate.
 */
export async function fingerprintOf(certificate: Bytes): Promise<Bytes> {
  const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(spki)));
}

/** The fingerprint of a client's key, raw bytes, as text: `SHA256:` and base64. */
export async function fingerprintOfKey(key: Bytes): Promise<string> {
  return formatFingerprint(new Uint8Array(await crypto.subtle.digest("SHA-256", key)));
}

/** Formats a fingerprint: `SHA256:` and base64 without padding. */
export function formatFingerprint(fingerprint: Bytes): string {
  return PREFIX + btoa(String.fromCharCode(...fingerprint)).replace(/=+$/, "");
}

/** Parses the output of {@link formatFingerprint}. Returns `undefined` for anything else. */
export function parseFingerprint(text: string): Bytes | undefined {
  if (!/^SHA256:[A-Za-z0-9+/]{43}$/.test(text)) return undefined;
  const fingerprint = Uint8Array.from(
    atob(text.slice(PREFIX.length)),
    (char) => char.charCodeAt(0),
  );
  // The last of 43 characters has two unused bits, which must be 0.
  return formatFingerprint(fingerprint) === text ? fingerprint : undefined;
}

/** The name in the self-signed certificate of a server: 52 characters of base32 and `.xfer.invalid`. */
export function certificateName(fingerprint: Bytes): string {
  return toBase32(fingerprint) + DOMAIN;
}

/**
 * Whether a certificate has the name of its own fingerprint. Clients then pin the fingerprint and ask no certificate
 * authority.
 */
export function isSelfMade(certificate: Bytes, fingerprint: Bytes): boolean {
  const text = Array.from(certificate, (byte) => String.fromCharCode(byte)).join("");
  return text.includes(certificateName(fingerprint));
}

/** The address of a server, and how to verify it. */
export interface Location {
  /** The address of the plain port. */
  readonly address: Address;
  /** Whether the location begins with `xfer://`, which allows only protocol 4. */
  readonly secure: boolean;
  /** The server's fingerprint, 32 bytes; only with `secure`. */
  readonly fingerprint: Bytes | undefined;
}

/** Parses `HOST:PORT`, `xfer://HOST:PORT` or `xfer://HOST:PORT#SHA256:…`. Returns `undefined` for anything else. */
export function parseLocation(text: string): Location | undefined {
  const secure = text.startsWith(SCHEME);
  const [where = "", hash] = secure ? text.slice(SCHEME.length).split(/#(.*)/s) : [text];
  const address = parseAddress(where);
  const fingerprint = hash === undefined ? undefined : parseFingerprint(hash);
  if (address === undefined || (hash !== undefined && fingerprint === undefined)) return undefined;
  return { address, secure, fingerprint };
}

/** Formats a location for {@link parseLocation}. */
export function formatLocation({ address, secure, fingerprint }: Location): string {
  const where = formatAddress(address);
  if (!secure) return where;
  return SCHEME + where + (fingerprint === undefined ? "" : `#${formatFingerprint(fingerprint)}`);
}
