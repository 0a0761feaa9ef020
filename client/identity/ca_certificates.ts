/**
 * Certificates of authorities that a user trusts beside those that Deno does.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { fromPem } from "../../protocol/encoding/pem.ts";

/** A file of all public authorities has about 250 KB. */
const MAX_FILE = 1024 * 1024;

/** The certificates in a PEM file. Throws `ConfigurationError` `bad-ca-cert`. */
export async function readAuthorities(
  path: string,
  hint = "Name a file of certificates in PEM: --ca-cert FILE.",
): Promise<string[]> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE) throw new Error(`it has more than ${MAX_FILE} bytes`);
    const text = await Deno.readTextFile(path);
    const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error("it has no certificate in PEM");
    for (const pem of found) new X509Certificate(fromPem(pem));
    return found;
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigurationError(
      "bad-ca-cert",
      `Cannot use ${printable(path)} as an authority's certificate: ${reason}`,
      { hint, cause },
    );
  }
}
