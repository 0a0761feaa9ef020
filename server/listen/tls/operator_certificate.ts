/**
 * A server identity from the operator: a certificate of a CA, and its key (docs/protocol-4.md, "The channel").
 *
 * @module
 */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { type Bytes, equalBytes } from "../../../protocol/bytes.ts";
import { ConfigurationError, reasonOf } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { fingerprintOf, isSelfMade } from "../../../protocol/v4/fingerprint.ts";
import { MAX_CERTIFICATE } from "../../../protocol/hello.ts";
import { fromPem } from "../../../protocol/encoding/pem.ts";
import { readRegularFile } from "../../fs/file_system.ts";
import type { Validity } from "./x509.ts";
import { type TlsIdentity, tryOut } from "./identity.ts";

/** A certificate from a certificate authority. */
export interface TlsFiles {
  /** Path of the certificate chain in PEM, the server's own first. */
  readonly certificate: string;
  /** Path of its private key in PEM, not encrypted. */
  readonly key: string;
}

/** The most bytes of a file. A chain of a few certificates has less than 10,000. */
const MAX_FILE = 256 * 1024;
const FOR_ANYBODY = 0o007;

/**
 * Reads both files and checks that they belong together. Throws `ConfigurationError` `bad-tls-certificate` or
 * `bad-tls-key`, with the file and the reason.
 */
export async function readOperatorIdentity(files: TlsFiles): Promise<TlsIdentity> {
  const certificate = await readFile(files.certificate, badCertificate);
  const key = await readFile(files.key, badKey);
  const [leaf] = certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/) ??
    [];
  if (leaf === undefined) throw badCertificate(files.certificate, "it has no certificate in PEM");
  const rawCertificate = attempt(() => fromPem(leaf), badCertificate, files.certificate);
  if (rawCertificate.length > MAX_CERTIFICATE) {
    throw badCertificate(
      files.certificate,
      `it has ${rawCertificate.length} bytes; clients accept at most ${MAX_CERTIFICATE}`,
    );
  }
  let parsed: Validity;
  let fingerprint: Bytes;
  try {
    fingerprint = await fingerprintOf(rawCertificate);
    parsed = (await import("./x509.ts")).readValidity(rawCertificate);
  } catch (cause) {
    throw badCertificate(files.certificate, "it is not a valid X.509 certificate", cause);
  }
  if (parsed.names.length === 0) {
    throw badCertificate(files.certificate, "it names no host (subjectAltName)");
  }
  const publicKey = attempt(() => publicKeyOf(key), badKey, files.key);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", publicKey));
  if (!equalBytes(digest, fingerprint)) {
    throw badKey(
      files.key,
      `it does not belong to the certificate in ${printable(files.certificate)}`,
    );
  }
  // Any other reason why Deno cannot use them must show before the old listener is closed.
  attempt(() => tryOut(key, certificate), badCertificate, files.certificate);
  return {
    ...{ key, certificate, rawCertificate, fingerprint },
    names: isSelfMade(rawCertificate, fingerprint) ? undefined : parsed.names,
    warnings: [...outOfTime(files.certificate, parsed), ...await looksOpen(files.key)],
  };
}

/** SubjectPublicKeyInfo, DER. */
function publicKeyOf(pem: string): Bytes {
  const spki = createPublicKey(createPrivateKey(pem)).export({ type: "spki", format: "der" });
  return new Uint8Array(spki);
}

function outOfTime(path: string, { notBefore, notAfter }: Validity): string[] {
  const now = new Date();
  const what = `The certificate in ${printable(path)}`;
  if (notAfter < now) return [`${what} expired at ${notAfter.toISOString()}; clients refuse it`];
  if (notBefore > now) return [`${what} is not valid before ${notBefore.toISOString()}`];
  return [];
}

async function looksOpen(path: string): Promise<string[]> {
  const { mode } = await Deno.stat(path);
  if (mode === null || (mode & FOR_ANYBODY) === 0) return [];
  const file = printable(path);
  return [`Anyone on this machine can read or change the key in ${file}; run 'chmod o= ${file}'`];
}

type Bad = (path: string, reason: string, cause?: unknown) => ConfigurationError;

const badCertificate: Bad = (path, reason, cause) =>
  new ConfigurationError(
    "bad-tls-certificate",
    `cannot use ${printable(path)} as the certificate: ${reason}`,
    {
      hint: "Use a PEM file with the server's certificate first, then those that lead to its CA.",
      cause,
    },
  );

const badKey: Bad = (path, reason, cause) =>
  new ConfigurationError("bad-tls-key", `cannot use ${printable(path)} as the key: ${reason}`, {
    hint: "Use the certificate's private key in PEM, not encrypted.",
    cause,
  });

function attempt<T>(work: () => T, bad: Bad, path: string): T {
  try {
    return work();
  } catch (cause) {
    throw bad(path, reasonOf(cause), cause);
  }
}

async function readFile(path: string, bad: Bad): Promise<string> {
  try {
    return new TextDecoder().decode(await readRegularFile(path, MAX_FILE, Deno.stat));
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw bad(path, isMissing ? "no such file" : reasonOf(cause), cause);
  }
}
