/**
 * The server's identity in protocol 4: a key and a self-signed certificate, kept in the data folder
 * (docs/protocol-4.md, "The channel").
 *
 * @module
 */
import { join } from "node:path";
import type { Bytes } from "../../../protocol/bytes.ts";
import { ConfigurationError, reasonOf } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { fingerprintOf } from "../../../protocol/v4/fingerprint.ts";
import { fromPem } from "../../../protocol/encoding/pem.ts";
import { MAX_TLS_FILE, TLS_FILE } from "../../data_folder/data_folder.ts";
import { type FileSystem, readRegularFile, syncFolder, writeAll } from "../../fs/file_system.ts";

export interface TlsIdentity {
  /** PEM, as `Deno.listenTls` takes them. The certificate includes the chain to its CA. */
  readonly key: string;
  readonly certificate: string;
  /** DER. */
  readonly rawCertificate: Bytes;
  /** SHA-256 of the public key, 32 bytes. */
  readonly fingerprint: Bytes;
  /** The host names in a CA's certificate; `undefined` for a self-signed one. */
  readonly names: readonly string[] | undefined;
  /** Warnings for the operator. */
  readonly warnings: readonly string[];
}

/**
 * The identity in a data folder, created at the first start. Throws `ConfigurationError` `bad-tls-identity` if the file
 * exists and is invalid: with a new identity, known clients would refuse the server.
 */
export async function loadIdentity(folder: string, fs: FileSystem): Promise<TlsIdentity> {
  const path = join(folder, TLS_FILE);
  if (await readIfThere(path) !== undefined) return await readIdentity(folder);
  const { makeIdentity } = await import("./x509.ts");
  const made = await makeIdentity();
  // Complete or absent, and durable before any client saves the fingerprint.
  const temporary = `${path}.tmp`;
  {
    const options = { write: true, create: true, truncate: true, mode: 0o600 };
    using file = await fs.open(temporary, options);
    await writeAll(file, new TextEncoder().encode(made));
    await file.sync();
  }
  await fs.rename(temporary, path);
  await syncFolder(fs, folder);
  return await parseIdentity(made, badFile(path));
}

/** The existing identity in a data folder. Throws `ConfigurationError` `bad-tls-identity`, also if it is missing. */
export async function readIdentity(folder: string): Promise<TlsIdentity> {
  const path = join(folder, TLS_FILE);
  return await parseIdentity(await readIfThere(path) ?? "", badFile(path));
}

/** Throws if Deno cannot serve with this key and certificate. Called before anything relies on them. */
export function tryOut(key: string, cert: string): void {
  Deno.listenTls({ hostname: "127.0.0.1", port: 0, key, cert }).close();
}

/**
 * Reads a key and a certificate, in this order, in PEM. Throws the error of `bad` if they cannot be used.
 */
export async function parseIdentity(
  text: string,
  bad: (cause: unknown) => ConfigurationError,
): Promise<TlsIdentity> {
  const [key, certificate] = text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----\n/g) ?? [];
  try {
    if (key === undefined || certificate === undefined) {
      throw new Error("the key or the certificate is missing");
    }
    const rawCertificate = fromPem(certificate);
    const fingerprint = await fingerprintOf(rawCertificate);
    tryOut(key, certificate);
    const selfMade = { names: undefined, warnings: [] };
    return { key, certificate, rawCertificate, fingerprint, ...selfMade };
  } catch (cause) {
    throw bad(cause);
  }
}

function badFile(path: string): (cause: unknown) => ConfigurationError {
  return (cause) =>
    new ConfigurationError(
      "bad-tls-identity",
      `${printable(path)} does not contain the server's key and certificate`,
      {
        hint: "Restore it from a backup, or delete it and send the new fingerprint to every user.",
        cause,
      },
    );
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await readRegularFile(path, MAX_TLS_FILE, Deno.lstat));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`cannot read ${TLS_FILE}: ${reasonOf(error)}`, { cause: error });
  }
}
