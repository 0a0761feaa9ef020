/**
 * Creates and reads X.509 certificates. This is needed at the first start of a server, and for an operator's
 * certificate. The libraries load slowly, so import this module only where it is used.
 *
 * @module
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Bytes } from "../../../protocol/bytes.ts";
import { certificateName } from "../../../protocol/v4/fingerprint.ts";
import { toPem } from "../../../protocol/encoding/pem.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** RFC 5280 4.1.2.5: a certificate that has no well-defined end. */
const NO_END = new Date("9999-12-31T23:59:59Z");
const BEGIN = new Date("2020-01-01T00:00:00Z");

/** A new key and a self-signed certificate for it, in this order, in PEM (docs/protocol-4.md, "The channel"). */
export async function makeIdentity(): Promise<string> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const spki = await crypto.subtle.exportKey("spki", keys.publicKey);
  const fingerprint = new Uint8Array(await crypto.subtle.digest("SHA-256", spki));
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: "01", name: "CN=xfer", notBefore: BEGIN, notAfter: NO_END },
    ...{ signingAlgorithm: ALGORITHM, keys },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new SubjectAlternativeNameExtension([{ type: "dns", value: certificateName(fingerprint) }]),
    ],
  });
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return toPem("PRIVATE KEY", pkcs8) + toPem("CERTIFICATE", new Uint8Array(certificate.rawData));
}

export interface Validity {
  /** The host names of the certificate. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The validity of a certificate in DER. Throws if it is not a certificate. */
export function readValidity(certificate: Bytes): Validity {
  const parsed = new X509Certificate(certificate);
  const names = parsed.getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  const { notBefore, notAfter } = parsed;
  return {
    names: names.filter(({ type }) => type === "dns" || type === "ip").map(({ value }) => value),
    ...{ notBefore, notAfter },
  };
}
