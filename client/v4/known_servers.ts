/**
 * `known_servers`: how servers that were met before are known, a line each: `HOST:PORT SHA256:…`, or `HOST:PORT pki`.
 *
 * @module
 */
import { join } from "node:path";
import {
  type Address,
  type Bytes,
  ConfigurationError,
  equalBytes,
  formatAddress,
  parseAddress,
  printable,
} from "../../protocol/mod.ts";
import { formatFingerprint, parseFingerprint } from "../../protocol/v4/fingerprint.ts";
import { whileAlone } from "../file_lock.ts";
import { MAX_SMALL_FILE, readTextFileIfThere, writePrivateFile } from "../files.ts";

export const KNOWN_SERVERS = "known_servers";

/** How a server is known: by its fingerprint; or by its name, for which an authority vouches each time. */
export type ServerIdentity = Bytes | "pki";

export interface KnownServer {
  /** `HOST:PORT`, in small letters. */
  readonly where: string;
  readonly identity: ServerIdentity;
}

interface Line {
  readonly text: string;
  /** `undefined` in a line that is empty or a comment. */
  readonly where: string | undefined;
  readonly identity: ServerIdentity | undefined;
}

export class KnownServers {
  readonly path: string;
  readonly #folder: string;

  /** The file in an identity's folder. */
  constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, KNOWN_SERVERS);
  }

  /** How the server at an address is known. Throws `ConfigurationError` `bad-known-servers`. */
  async find(address: Address): Promise<ServerIdentity | undefined> {
    return identityIn(await this.#load(), address);
  }

  /** All servers that are known, as they stand there. Throws `ConfigurationError` `bad-known-servers`. */
  async list(): Promise<KnownServer[]> {
    const lines = await this.#load();
    return lines.flatMap(({ where, identity }) =>
      where === undefined || identity === undefined ? [] : [{ where, identity }]
    );
  }

  /**
   * Keeps how a server is known that was not known before. Returns how it is known now: another client may have met one
   * there meanwhile. Throws `ConfigurationError` `too-many-known-servers`, and what `whileAlone` does.
   */
  keep(address: Address, identity: ServerIdentity): Promise<ServerIdentity> {
    return whileAlone(this.#folder, async () => {
      const lines = await this.#load();
      const known = identityIn(lines, address);
      if (known !== undefined) return known;
      const where = keyOf(address);
      const line = { text: `${where} ${formatIdentity(identity)}`, where, identity };
      await this.#write([...lines, line]);
      return identity;
    });
  }

  /** Forgets the server at an address; `false` where it is not known. Throws what `whileAlone` does. */
  async forget(address: Address): Promise<boolean> {
    if (await this.find(address) === undefined) return false;
    return await whileAlone(this.#folder, async () => {
      const lines = await this.#load();
      const left = lines.filter(({ where }) => where !== keyOf(address));
      if (left.length === lines.length) return false;
      await this.#write(left);
      return true;
    });
  }

  async #write(lines: readonly Line[]): Promise<void> {
    const text = lines.map(({ text }) => `${text}\n`).join("");
    if (new TextEncoder().encode(text).length > MAX_SMALL_FILE) {
      throw new ConfigurationError(
        "too-many-known-servers",
        `${printable(this.path)} would have more than ${MAX_SMALL_FILE} bytes`,
        { hint: "Forget those that are not in use any more: xfer client forget HOST:PORT." },
      );
    }
    await writePrivateFile(this.path, text);
  }

  async #load(): Promise<Line[]> {
    const text = await readTextFileIfThere(this.path) ?? "";
    const lines = text.replace(/\r?\n$/, "").split(/\r?\n/).map((line, index) => {
      if (/^\s*(#|$)/.test(line)) return { text: line, where: undefined, identity: undefined };
      const [where = "", how = "", surplus] = line.trim().split(/\s+/);
      const identity: ServerIdentity | undefined = how === "pki" ? how : parseFingerprint(how);
      const address = parseAddress(where);
      if (address === undefined || identity === undefined || surplus !== undefined) {
        throw new ConfigurationError(
          "bad-known-servers",
          `${printable(this.path)} line ${index + 1}: expected HOST:PORT SHA256:… or HOST:PORT pki`,
          { hint: "Correct or remove the line." },
        );
      }
      return { text: line, where: keyOf(address), identity };
    });
    return text === "" ? [] : lines;
  }
}

function identityIn(lines: readonly Line[], address: Address): ServerIdentity | undefined {
  return lines.findLast(({ where }) => where === keyOf(address))?.identity;
}

/** Names of hosts are the same in capitals. */
function keyOf(address: Address): string {
  return formatAddress(address).toLowerCase();
}

export function formatIdentity(identity: ServerIdentity): string {
  return identity === "pki" ? identity : formatFingerprint(identity);
}

export function isSame(a: ServerIdentity | undefined, b: ServerIdentity | undefined): boolean {
  if (a === undefined || b === undefined || a === "pki" || b === "pki") return a === b;
  return equalBytes(a, b);
}
