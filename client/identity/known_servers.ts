/**
 * `known_servers`: how servers that were met before are known, a line each: `HOST:PORT SHA256:…`, or `HOST:PORT pki`,
 * with the digest of the authorities behind it that were named for it; or `HOST:PORT protocol-3`.
 *
 * @module
 */
import { join } from "node:path";
import { type Address, formatAddress, parseAddress, withoutZone } from "../../protocol/address.ts";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { formatFingerprint, parseFingerprint } from "../../protocol/v4/fingerprint.ts";
import { whileAlone } from "./folder_lock.ts";
import { MAX_SMALL_FILE, readTextFileIfThere } from "../local/read_small_file.ts";
import { writePrivateFile } from "../local/atomic_file.ts";
import { forgetAuthorities, keepAuthorities, readKeptAuthorities } from "./kept_authorities.ts";

export const KNOWN_SERVERS = "known_servers";

/** How a server is known: by its fingerprint, 32 bytes, or (`pki`) by its name and a certificate authority. */
export type ServerIdentity = Bytes | "pki";

/** What a line says of a server: how it is known; or that protocol 3 was asked for with it, which knows nobody. */
export type Remembered = ServerIdentity | "protocol-3";

export interface KnownServer {
  /** `HOST:PORT`, in small letters. */
  readonly where: string;
  readonly remembered: Remembered;
}

interface KnownServerEntry extends KnownServer {
  /** Of the authorities that were named for it. */
  readonly authorities: Bytes | undefined;
}

/** `entry`: `undefined` in a line that is empty or a comment. */
interface Line {
  readonly text: string;
  readonly entry: KnownServerEntry | undefined;
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
    return identityOf(findLast(await this.#load(), address));
  }

  /** All servers that are known, as they stand there. Throws `ConfigurationError` `bad-known-servers`. */
  async list(): Promise<KnownServer[]> {
    const lines = await this.#load();
    return lines.flatMap(({ entry }) => entry ?? []);
  }

  /**
   * Keeps how a server is known that was not known before, with the authorities that were named for it; of one that is
   * known so, only these. Returns how it is known now: another client may have met one there meanwhile. Throws
   * `ConfigurationError` `too-many-known-servers`, and what `whileAlone` does.
   */
  keep(
    address: Address,
    identity: ServerIdentity,
    authorities?: readonly string[],
  ): Promise<ServerIdentity> {
    return whileAlone(this.#folder, async () => {
      const lines = await this.#load();
      const known = identityOf(findLast(lines, address));
      const addsNone = authorities === undefined || !isSame(known, identity);
      if (known !== undefined && addsNone) return known;
      const digest = authorities && await keepAuthorities(this.#folder, authorities);
      await this.#replace(lines, address, { remembered: identity, authorities: digest });
      return identity;
    });
  }

  /** The authorities that were named for a server. Throws `ConfigurationError` `bad-known-servers`, `bad-ca-cert`. */
  async authoritiesOf(address: Address): Promise<string[]> {
    const digest = findLast(await this.#load(), address)?.authorities;
    return digest === undefined ? [] : await readKeptAuthorities(this.#folder, digest);
  }

  /** Whether protocol 3 was asked for with a server, and nothing else is known of it. */
  async isProtocol3(address: Address): Promise<boolean> {
    return findLast(await this.#load(), address)?.remembered === "protocol-3";
  }

  /** Keeps that protocol 3 was asked for with a server, unless it is known. Throws as `keep` does. */
  async keepProtocol3(address: Address): Promise<void> {
    if (findLast(await this.#load(), address) !== undefined) return;
    await whileAlone(this.#folder, async () => {
      const lines = await this.#load();
      if (findLast(lines, address) !== undefined) return;
      await this.#replace(lines, address, { remembered: "protocol-3", authorities: undefined });
    });
  }

  /** Forgets the server at an address; `false` where it is not known. Throws what `whileAlone` does. */
  async forget(address: Address): Promise<boolean> {
    if (findLast(await this.#load(), address) === undefined) return false;
    return await whileAlone(this.#folder, async () => {
      const lines = await this.#load();
      if (findLast(lines, address) === undefined) return false;
      await this.#replace(lines, address, undefined);
      return true;
    });
  }

  /** Writes what is known of a server in place of what was. */
  async #replace(
    lines: readonly Line[],
    address: Address,
    known: Omit<KnownServerEntry, "where"> | undefined,
  ): Promise<void> {
    const where = keyOf(address);
    const left = lines.filter(({ entry }) => entry?.where !== where);
    if (known !== undefined) {
      const entry = { where, ...known };
      left.push({ text: formatEntry(entry), entry });
    }
    await this.#write(left);
    const used = left.map(({ entry }) => entry?.authorities);
    for (const { entry } of lines) {
      const digest = entry?.authorities;
      const isUsed = used.some((other) =>
        other !== undefined && digest !== undefined &&
        equalBytes(other, digest)
      );
      if (digest !== undefined && !isUsed) await forgetAuthorities(this.#folder, digest);
    }
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
      if (/^\s*(#|$)/.test(line)) return { text: line, entry: undefined };
      const entry = parseEntry(line);
      if (entry !== undefined) return { text: line, entry };
      throw new ConfigurationError(
        "bad-known-servers",
        `${printable(this.path)} line ${
          index + 1
        }: expected HOST:PORT SHA256:…, HOST:PORT pki or ` +
          "HOST:PORT protocol-3",
        { hint: "Correct or remove the line." },
      );
    });
    return text === "" ? [] : lines;
  }
}

function parseEntry(line: string): KnownServerEntry | undefined {
  const [where = "", how = "", digest, surplus] = line.trim().split(/\s+/);
  const isWord = how === "pki" || how === "protocol-3";
  const remembered: Remembered | undefined = isWord ? how : parseFingerprint(how);
  const address = parseAddress(where);
  const authorities = digest === undefined ? undefined : parseFingerprint(digest);
  const isWhole = surplus === undefined &&
    (digest === undefined || (how === "pki" && authorities !== undefined));
  if (address === undefined || remembered === undefined || !isWhole) return undefined;
  return { where: keyOf(address), remembered, authorities };
}

function formatEntry({ where, remembered, authorities }: KnownServerEntry): string {
  const how = remembered === "protocol-3" ? remembered : formatIdentity(remembered);
  const digest = authorities === undefined ? "" : ` ${formatFingerprint(authorities)}`;
  return `${where} ${how}${digest}`;
}

function findLast(lines: readonly Line[], address: Address): KnownServerEntry | undefined {
  return lines.findLast(({ entry }) => entry?.where === keyOf(address))?.entry;
}

function identityOf(entry: KnownServerEntry | undefined): ServerIdentity | undefined {
  return entry === undefined || entry.remembered === "protocol-3" ? undefined : entry.remembered;
}

/** Names of hosts are the same in capitals; those of zones are not. */
function keyOf({ hostname, port }: Address): string {
  const host = withoutZone(hostname);
  const zone = hostname.slice(host.length);
  return formatAddress({ hostname: host.toLowerCase() + zone, port });
}

export function formatIdentity(identity: ServerIdentity): string {
  return identity === "pki" ? identity : formatFingerprint(identity);
}

export function isSame(a: ServerIdentity | undefined, b: ServerIdentity | undefined): boolean {
  if (a === undefined || b === undefined || a === "pki" || b === "pki") return a === b;
  return equalBytes(a, b);
}

/** A `ConfigurationError` `other-server`: a server is not the one that is expected. */
export function otherServer(
  server: Address,
  { expected, found, pinned }: {
    readonly expected: ServerIdentity;
    readonly found: ServerIdentity;
    /** Whether line 1 of transfer.info names what is expected; else it is what was met before. */
    readonly pinned: boolean;
  },
): ConfigurationError {
  const where = formatAddress(server);
  return new ConfigurationError(
    "other-server",
    `The server at ${where} is not the one that is expected: it shows ${describe(found)}, ` +
      `expected was ${describe(expected)}`,
    {
      hint: `Either somebody between you and the server pretends to be it, or its operator has ` +
        `${changed(expected, found)}. Ask the operator, by another way. If it is so, ` +
        (pinned
          ? `write it where the address is (line 1 of transfer.info, or --server): ${
            lineFor(where, found)
          }`
          : `go on with: xfer client forget ${where}`),
    },
  );
}

function describe(identity: ServerIdentity): string {
  return identity === "pki"
    ? "an authority's certificate"
    : `the fingerprint ${formatIdentity(identity)}`;
}

function changed(expected: ServerIdentity, found: ServerIdentity): string {
  if (found === "pki") {
    return "taken a certificate from an authority, which is known by its name and no fingerprint";
  }
  return expected === "pki" ? "gone back to a certificate of its own" : "given it a new key";
}

function lineFor(where: string, found: ServerIdentity): string {
  return found === "pki" ? `xfer://${where}` : `xfer://${where}#${formatIdentity(found)}`;
}
