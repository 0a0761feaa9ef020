/**
 * `known_servers`, which says how the client identifies each known server, in one line each: `HOST:PORT SHA256:…`; or
 * `HOST:PORT pki`, optionally with the digest of CA certificates; or `HOST:PORT protocol-3`.
 *
 * @module
 */
import { join } from "node:path";
import { type Address, formatAddress, parseAddress } from "../../protocol/address.ts";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { formatFingerprint, parseFingerprint } from "../../protocol/v4/fingerprint.ts";
import { withFolderLock } from "./folder_lock.ts";
import { MAX_SMALL_FILE, readTextFileIfThere } from "../local/read_small_file.ts";
import { writePrivateFile } from "../local/atomic_file.ts";
import { KnownAnswers } from "./known_answers.ts";
import { serverKey } from "./server_key.ts";
import { forgetAuthorities, readSavedAuthorities, saveAuthorities } from "./saved_authorities.ts";

export const KNOWN_SERVERS = "known_servers";

/** The identity of a server: its fingerprint, 32 bytes, or (`pki`) its name, verified by a certificate authority. */
export type ServerIdentity = Bytes | "pki";

/** The entry of a server: its identity, or that the user asked for protocol 3, which verifies no server. */
export type Remembered = ServerIdentity | "protocol-3";

export interface KnownServer {
  /** `HOST:PORT`, in lower case. */
  readonly where: string;
  readonly remembered: Remembered;
}

interface KnownServerEntry extends KnownServer {
  /** The SHA-256 digest of the CA certificates that the user named for this server. */
  readonly authorities: Bytes | undefined;
}

/** `entry` is `undefined` for an empty line and a comment. */
interface Line {
  readonly text: string;
  readonly entry: KnownServerEntry | undefined;
}

export class KnownServers {
  readonly path: string;
  readonly #folder: string;

  /** `folder`: the identity's folder. */
  constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, KNOWN_SERVERS);
  }

  /** Returns the identity of the server at an address, if known. Throws `ConfigurationError` `bad-known-servers`. */
  async find(address: Address): Promise<ServerIdentity | undefined> {
    return identityOf(findLast(await this.#load(), address));
  }

  /** Returns all known servers, in the order of the file. Throws `ConfigurationError` `bad-known-servers`. */
  async list(): Promise<KnownServer[]> {
    const lines = await this.#load();
    return lines.flatMap(({ entry }) => entry ?? []);
  }

  /**
   * Adds an unknown server, with the CA certificates that the user named for it. For a server that is known by the same
   * identity, only replaces these certificates. Returns the identity that is known now, which another client may have
   * added meanwhile. Throws `ConfigurationError` `too-many-known-servers`, and the errors of `withFolderLock`.
   */
  keep(
    address: Address,
    identity: ServerIdentity,
    authorities?: readonly string[],
  ): Promise<ServerIdentity> {
    return withFolderLock(this.#folder, async () => {
      const lines = await this.#load();
      const known = identityOf(findLast(lines, address));
      const addsNone = authorities === undefined || !isSame(known, identity);
      if (known !== undefined && addsNone) return known;
      const digest = authorities && await saveAuthorities(this.#folder, authorities);
      await this.#replace(lines, address, { remembered: identity, authorities: digest });
      return identity;
    });
  }

  /**
   * Returns the CA certificates that the user named for a server. Throws `ConfigurationError` `bad-known-servers`,
   * `bad-ca-cert`.
   */
  async authoritiesOf(address: Address): Promise<string[]> {
    const digest = findLast(await this.#load(), address)?.authorities;
    return digest === undefined ? [] : await readSavedAuthorities(this.#folder, digest);
  }

  /** Whether the user asked for protocol 3 with this server, and no identity of it is known. */
  async isProtocol3(address: Address): Promise<boolean> {
    return findLast(await this.#load(), address)?.remembered === "protocol-3";
  }

  /** Records that the user asked for protocol 3 with this server, unless the server is known. Throws as `keep` does. */
  async keepProtocol3(address: Address): Promise<void> {
    if (findLast(await this.#load(), address) !== undefined) return;
    await withFolderLock(this.#folder, async () => {
      const lines = await this.#load();
      if (findLast(lines, address) !== undefined) return;
      await this.#replace(lines, address, { remembered: "protocol-3", authorities: undefined });
    });
  }

  /**
   * Removes the server at an address, and its answer. Returns `false` if it is unknown. Throws the errors of
   * `withFolderLock`.
   */
  async forget(address: Address): Promise<boolean> {
    if (findLast(await this.#load(), address) === undefined) return false;
    await new KnownAnswers(this.#folder).forget(address);
    return await withFolderLock(this.#folder, async () => {
      const lines = await this.#load();
      if (findLast(lines, address) === undefined) return false;
      await this.#replace(lines, address, undefined);
      return true;
    });
  }

  /** Replaces the entry of a server. */
  async #replace(
    lines: readonly Line[],
    address: Address,
    known: Omit<KnownServerEntry, "where"> | undefined,
  ): Promise<void> {
    const where = serverKey(address);
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
        `cannot add a server to ${printable(this.path)}: the limit is ${MAX_SMALL_FILE} bytes`,
        { hint: "To remove servers that you no longer use, run 'xfer client forget HOST:PORT'." },
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
        { hint: "Correct or delete the line." },
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
  return { where: serverKey(address), remembered, authorities };
}

function formatEntry({ where, remembered, authorities }: KnownServerEntry): string {
  const how = remembered === "protocol-3" ? remembered : formatIdentity(remembered);
  const digest = authorities === undefined ? "" : ` ${formatFingerprint(authorities)}`;
  return `${where} ${how}${digest}`;
}

function findLast(lines: readonly Line[], address: Address): KnownServerEntry | undefined {
  return lines.findLast(({ entry }) => entry?.where === serverKey(address))?.entry;
}

function identityOf(entry: KnownServerEntry | undefined): ServerIdentity | undefined {
  return entry === undefined || entry.remembered === "protocol-3" ? undefined : entry.remembered;
}

export function formatIdentity(identity: ServerIdentity): string {
  return identity === "pki" ? identity : formatFingerprint(identity);
}

export function isSame(a: ServerIdentity | undefined, b: ServerIdentity | undefined): boolean {
  if (a === undefined || b === undefined || a === "pki" || b === "pki") return a === b;
  return equalBytes(a, b);
}

/** A `ConfigurationError` `other-server`: the server has another identity than the expected one. */
export function otherServer(
  server: Address,
  { expected, found, pinned }: {
    readonly expected: ServerIdentity;
    readonly found: ServerIdentity;
    /**
     * Whether line 1 of transfer.info or `--server` has the expected identity; otherwise it comes from `known_servers`.
     */
    readonly pinned: boolean;
  },
): ConfigurationError {
  const where = formatAddress(server);
  return new ConfigurationError(
    "other-server",
    `the server at ${where} is not the expected one, and may be an impostor: ` +
      `expected ${describe(expected)}, found ${describe(found)}`,
    {
      hint: `Only if the server's operator confirms ${change(expected, found)} out of band, for ` +
        "example by phone, " +
        (pinned
          ? `write ${lineFor(where, found)} into line 1 of transfer.info or --server.`
          : `run 'xfer client forget ${where}'.`),
    },
  );
}

function describe(identity: ServerIdentity): string {
  return identity === "pki"
    ? "a certificate from a CA"
    : `the fingerprint ${formatIdentity(identity)}`;
}

function change(expected: ServerIdentity, found: ServerIdentity): string {
  if (found === "pki") return "the switch to a certificate from a CA";
  return expected === "pki" ? "the switch to a self-signed certificate" : "the new key";
}

function lineFor(where: string, found: ServerIdentity): string {
  return found === "pki" ? `xfer://${where}` : `xfer://${where}#${formatIdentity(found)}`;
}
