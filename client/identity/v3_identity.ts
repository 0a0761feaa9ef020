/**
 * The identity of a client over protocol 3: `me.info` (name, id, private key) and `priv.key` (the private key alone),
 * as the published clients write them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { type Bytes, fromHex, toHex } from "../../protocol/bytes.ts";
import { CLIENT_ID_SIZE } from "../../protocol/header.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import { findEdition } from "../../protocol/v3/editions/mod.ts";
import { isQuirk } from "../../protocol/v3/editions/quirks.ts";
import { isUserName, printable } from "../../protocol/printable.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import { PUBLIC_KEY_SIZE, publicKeyOf } from "../../protocol/cipher/rsa.ts";
import { readTextFileIfThere } from "../local/read_small_file.ts";
import { removeIfThere, writePrivateFile } from "../local/atomic_file.ts";
import type { OpenFolder, Tightened } from "../events.ts";
import { isFolderOpen, readPrivateFile } from "./private_file.ts";

export const IDENTITY_FILE = "me.info";
export const KEY_FILE = "priv.key";
/** One line: the edition that the server speaks, then its quirks. */
export const EDITION_FILE = "me.edition";

export interface Identity {
  readonly name: string;
  /** 16 bytes, assigned by the server. */
  readonly clientId: Bytes;
  /** PKCS#8 DER. */
  readonly privateKey: Bytes;
}

/**
 * Parses `me.info`: the name, the id as 32 hexadecimal digits, and the private key in base64, in one or more lines.
 * Some clients pad the first line with NULs. Throws `ConfigurationError` `bad-identity`.
 */
export function parseIdentity(text: string, path: string): Identity {
  const [nameLine = "", idLine = "", ...keyLines] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const name = nameLine.replace(/\0.*$/s, "").trim();
  if (!isUserName(name)) {
    throw badIdentity(path, `line 1: found "${printable(name)}", expected the user name`);
  }
  const clientId = fromHex(idLine.trim());
  if (clientId?.length !== CLIENT_ID_SIZE) {
    throw badIdentity(path, "line 2: expected the client id as 32 hexadecimal digits");
  }
  return { name, clientId, privateKey: parsePrivateKey(keyLines.join(""), path) };
}

export function formatIdentity({ name, clientId, privateKey }: Identity): string {
  return `${name}\n${toHex(clientId)}\n${toBase64(privateKey)}\n`;
}

/** Parses a private key in base64, in one or more lines. Throws `ConfigurationError` `bad-identity`. */
function parsePrivateKey(base64: string, path: string): Bytes {
  try {
    const privateKey = new Uint8Array(Buffer.from(base64, "base64"));
    if (publicKeyOf(privateKey).length === PUBLIC_KEY_SIZE) return privateKey;
  } catch (cause) {
    throw badIdentity(path, "expected an RSA private key, PKCS#8 in base64", cause);
  }
  throw badIdentity(path, "expected an RSA key of 1024 bits with exponent 17");
}

/** The identity files of one folder. */
export class IdentityFolder {
  readonly #identityPath: string;
  readonly #keyPath: string;
  readonly #editionPath: string;
  /** The profile that this object has saved: it is saved again for each file. */
  #savedProfile: string | undefined;
  readonly #folder: string;
  readonly #onEvent: (event: Tightened | OpenFolder) => void;

  constructor(folder: string, onEvent: (event: Tightened | OpenFolder) => void = () => undefined) {
    this.#folder = folder;
    this.#onEvent = onEvent;
    this.#identityPath = join(folder, IDENTITY_FILE);
    this.#keyPath = join(folder, KEY_FILE);
    this.#editionPath = join(folder, EDITION_FILE);
  }

  /**
   * Returns the identity, or `undefined` before the registration. Throws `ConfigurationError` `bad-identity` or
   * `identity-not-private`.
   */
  async load(): Promise<Identity | undefined> {
    if (await isFolderOpen(this.#folder)) {
      this.#onEvent({ type: "openFolder", path: this.#folder });
    }
    const text = await this.#readPrivate(this.#identityPath);
    // This file has the same key, so it must be private even if it is not needed.
    await this.#readPrivate(this.#keyPath);
    return text === undefined ? undefined : parseIdentity(text, this.#identityPath);
  }

  /** Returns the private key alone, which a client has before it gets an id. Throws as `load` does. */
  async loadKey(): Promise<Bytes | undefined> {
    const text = await this.#readPrivate(this.#keyPath);
    return text === undefined ? undefined : parsePrivateKey(text, this.#keyPath);
  }

  async saveKey(privateKey: Bytes): Promise<void> {
    await writePrivateFile(this.#keyPath, toBase64(privateKey) + "\n");
  }

  async removeKey(): Promise<void> {
    await removeIfThere(this.#keyPath);
  }

  /** Returns the profile of the last run. Throws `ConfigurationError` `bad-edition-file`. */
  async loadProfile(): Promise<Profile | undefined> {
    const text = await readTextFileIfThere(this.#editionPath);
    if (text === undefined) return undefined;
    const [name = "", ...quirks] = text.trim().split(/\s+/);
    const edition = findEdition(name);
    if (edition !== undefined && quirks.every(isQuirk)) return { edition, quirks: new Set(quirks) };
    throw new ConfigurationError(
      "bad-edition-file",
      `${printable(this.#editionPath)}: found "${
        printable(text.trim().slice(0, 80))
      }", expected a ` +
        "known edition and known quirks",
      { hint: "Delete the file, and set the edition with --edition NAME." },
    );
  }

  async saveProfile({ edition, quirks }: Profile): Promise<void> {
    const text = [edition.name, ...quirks].join(" ") + "\n";
    if (this.#savedProfile === text) return;
    if (await readTextFileIfThere(this.#editionPath) !== text) {
      await writePrivateFile(this.#editionPath, text);
    }
    this.#savedProfile = text;
  }

  /** Writes `me.info`, and overwrites an existing one. */
  async save(identity: Identity): Promise<void> {
    await writePrivateFile(this.#identityPath, formatIdentity(identity));
  }

  /** Copies `me.info` to a file beside it. Returns the path of the copy. */
  async backUp(): Promise<string> {
    return await keepCopy(this.#identityPath);
  }

  #readPrivate(path: string): Promise<string | undefined> {
    return readPrivateFile(path, () => this.#onEvent({ type: "tightened", path }));
  }
}

function toBase64(bytes: Bytes): string {
  return Buffer.from(bytes).toString("base64");
}

function badIdentity(path: string, what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError("bad-identity", `${printable(path)}: ${what}`, {
    hint: "Restore the file from a backup, or move it away to register under another name.",
    cause,
  });
}

/** The most copies of one file: a server that denies every time must not fill the folder. */
const MAX_COPIES = 20;

/**
 * Copies a file to `PATH.old`, or to `PATH.old2`, `PATH.old3` … if these exist with other content. Returns the path of
 * the copy. Throws `StorageError` `cannot-write`, and `ConfigurationError` `too-many-copies`.
 */
async function keepCopy(path: string): Promise<string> {
  const text = await readTextFileIfThere(path);
  for (let number = 1; number <= MAX_COPIES; number++) {
    const copy = `${path}.old${number === 1 ? "" : number}`;
    const there = await readTextFileIfThere(copy);
    if (there === text) return copy;
    if (there !== undefined) continue;
    await writePrivateFile(copy, text ?? "");
    return copy;
  }
  throw new ConfigurationError(
    "too-many-copies",
    `the server does not know the identity in ${
      printable(path)
    }, and ${MAX_COPIES} earlier ones are already kept`,
    { hint: `Delete the copies that you no longer need: ${printable(path)}.old, .old2 and so on.` },
  );
}
