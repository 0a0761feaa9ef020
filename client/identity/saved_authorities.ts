/**
 * Copies of the certificates of `--ca-cert` in an identity's folder. Later runs trust them without the option, even if
 * the original file is gone.
 *
 * @module
 */
import { join } from "node:path";
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { writePrivateFile } from "../local/atomic_file.ts";
import { readAuthorities } from "./ca_certificates.ts";

/** Hexadecimal digits of the digest in the copy's name. Servers with the same certificates share one copy. */
const DIGITS = 16;
const NAME = /^authorities-[0-9a-f]{16}\.pem$/;

export function isAuthoritiesName(name: string): boolean {
  return NAME.test(name);
}

function pathOf(folder: string, digest: Bytes): string {
  return join(folder, `authorities-${toHex(digest).slice(0, DIGITS)}.pem`);
}

async function digestOf(certificates: readonly string[]): Promise<Bytes> {
  const text = new TextEncoder().encode(certificates.join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text));
}

/** Keeps certificates. Returns the SHA-256 digest that finds them again. Throws `StorageError` `cannot-write`. */
export async function saveAuthorities(
  folder: string,
  certificates: readonly string[],
): Promise<Bytes> {
  const digest = await digestOf(certificates);
  await writePrivateFile(pathOf(folder, digest), certificates.map((pem) => `${pem}\n`).join(""));
  return digest;
}

/** Throws `ConfigurationError` `bad-ca-cert` if the copy is missing or was changed. */
export async function readSavedAuthorities(folder: string, digest: Bytes): Promise<string[]> {
  const path = pathOf(folder, digest);
  const hint = "Name the CA certificates again with --ca-cert FILE.";
  const certificates = await readAuthorities(path, hint);
  if (equalBytes(await digestOf(certificates), digest)) return certificates;
  throw new ConfigurationError(
    "bad-ca-cert",
    `cannot use ${printable(path)}: it differs from the file that --ca-cert named`,
    { hint },
  );
}

export async function forgetAuthorities(folder: string, digest: Bytes): Promise<void> {
  await Deno.remove(pathOf(folder, digest)).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
