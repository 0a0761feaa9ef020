/**
 * PEM (RFC 7468): DER in base64 between two lines.
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";

export function toPem(label: string, der: Bytes): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** Returns the DER of one block with any label. Throws if it is not base64. */
export function fromPem(pem: string): Bytes {
  const base64 = pem.replaceAll(/-----[^-]+-----|\s/g, "");
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
