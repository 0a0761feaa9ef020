/**
 * CA certificates that the user trusts in addition to those that Deno trusts.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { fromPem } from "../../protocol/encoding/pem.ts";

/** In bytes. A file with all public CAs has about 250 KB. */
const MAX_FILE = 1024 * 1024;

/** Returns the certificates in a PEM file. Throws `ConfigurationError` `bad-ca-cert`. */
export async function readAuthorities(
  path: string,
  hint = "Name a file with CA certificates in PEM with --ca-cert FILE.",
): Promise<string[]> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE) throw new Error(`it is larger than ${MAX_FILE} bytes`);
    const text = await Deno.readTextFile(path);
    const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error("it contains no certificate in PEM");
    for (const pem of found) new X509Certificate(fromPem(pem));
    return found;
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigurationError(
      "bad-ca-cert",
      `cannot use ${printable(path)} as CA certificates: ${reason}`,
      { hint, cause },
    );
  }
}
