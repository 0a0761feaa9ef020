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
  /** PEM, as `Deno.listenTls` takes them; the certificate with those that lead to its authority. */
  readonly key: string;
  readonly certificate: string;
  /** DER. */
  readonly rawCertificate: Bytes;
  /** SHA-256 of the public key, 32 bytes. */
  readonly fingerprint: Bytes;
  /** Hosts that it is good for, where an authority has issued it; `undefined` for a self-made one. */
  readonly names: readonly string[] | undefined;
  /** What the operator should know of it. */
  readonly warnings: readonly string[];
}

/**
 * The identity in a data folder, made at the first start. Throws `ConfigurationError` `bad-tls-identity` where the file
 * is there and is none: another one would be another server to every client that knows this one.
 */
export async function loadIdentity(folder: string, fs: FileSystem): Promise<TlsIdentity> {
  const path = join(folder, TLS_FILE);
  if (await readIfThere(path) !== undefined) return await readIdentity(folder);
  const { makeIdentity } = await import("./x509.ts");
  const made = await makeIdentity();
  // Whole or absent, and durable before any client keeps the fingerprint.
  const temporary = `${path}.tmp`;
  {
    const options = { write: true, create: true, truncate: true, mode: 0o600 };
    using file = await fs.open(temporary, options);
    await writeAll(file, new TextEncoder().encode(made));
    await file.sync();
  }
  await fs.rename(temporary, path);
  await syncFolder(fs, folder);
  return await parseIdentity(made, path);
}

/** The identity that a data folder has. Throws `ConfigurationError` `bad-tls-identity`, also where there is none. */
export async function readIdentity(folder: string): Promise<TlsIdentity> {
  const path = join(folder, TLS_FILE);
  return await parseIdentity(await readIfThere(path) ?? "", path);
}

/** Throws where Deno can't serve with a key and a certificate: better now than when others rely on them. */
export function tryOut(key: string, cert: string): void {
  Deno.listenTls({ hostname: "127.0.0.1", port: 0, key, cert }).close();
}

async function parseIdentity(text: string, path: string): Promise<TlsIdentity> {
  const [key, certificate] = text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----\n/g) ?? [];
  try {
    if (key === undefined || certificate === undefined) throw new Error("a part is missing");
    const rawCertificate = fromPem(certificate);
    const fingerprint = await fingerprintOf(rawCertificate);
    tryOut(key, certificate);
    const selfMade = { names: undefined, warnings: [] };
    return { key, certificate, rawCertificate, fingerprint, ...selfMade };
  } catch (cause) {
    throw new ConfigurationError(
      "bad-tls-identity",
      `${printable(path)} does not hold the server's key and certificate`,
      {
        hint: "Restore it from a backup. If it is lost, remove it: the server makes another, and " +
          "every client has to be told the new fingerprint.",
        cause,
      },
    );
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await readRegularFile(path, MAX_TLS_FILE, Deno.lstat));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`${TLS_FILE} in it can't be read: ${reasonOf(error)}`, { cause: error });
  }
}
