/**
 * `known_servers`: the fingerprints of servers that were trusted before, a line each: `HOST:PORT SHA256:…`.
 *
 * @module
 */
import { join } from "node:path";
import {
  type Address,
  type Bytes,
  ConfigurationError,
  formatAddress,
  parseAddress,
  printable,
} from "../../protocol/mod.ts";
import { formatFingerprint, parseFingerprint } from "../../protocol/v4/fingerprint.ts";
import { readTextFileIfThere, writePrivateFile } from "../files.ts";

export const KNOWN_SERVERS = "known_servers";

export class KnownServers {
  readonly path: string;

  /** The file in an identity's folder. */
  constructor(folder: string) {
    this.path = join(folder, KNOWN_SERVERS);
  }

  /** The fingerprint of the server at an address. Throws `ConfigurationError` `bad-known-servers`. */
  async find(address: Address): Promise<Bytes | undefined> {
    return (await this.#load()).get(formatAddress(address));
  }

  /** Keeps a fingerprint, in place of the one before. */
  async keep(address: Address, fingerprint: Bytes): Promise<void> {
    const known = await this.#load();
    known.set(formatAddress(address), fingerprint);
    const lines = [...known].map(([where, hash]) => `${where} ${formatFingerprint(hash)}\n`);
    await writePrivateFile(this.path, lines.join(""));
  }

  async #load(): Promise<Map<string, Bytes>> {
    const text = await readTextFileIfThere(this.path) ?? "";
    const known = new Map<string, Bytes>();
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === "") continue;
      const [where = "", hash = ""] = line.trim().split(/\s+/);
      const fingerprint = parseFingerprint(hash);
      if (parseAddress(where) === undefined || fingerprint === undefined) {
        throw new ConfigurationError(
          "bad-known-servers",
          `${printable(this.path)} line ${index + 1}: expected HOST:PORT SHA256:…`,
          { hint: "Correct or remove the line." },
        );
      }
      known.set(where, fingerprint);
    }
    return known;
  }
}
