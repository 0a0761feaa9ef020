/**
 * Who the client is: `me.info` (name, id, private key) and `priv.key` (the private key alone), as the published
 * clients write them.
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
/** What the server speaks, in one line: the edition, then quirks. */
export const EDITION_FILE = "me.edition";

export interface Identity {
  readonly name: string;
  /** 16 bytes, given by the server. */
  readonly clientId: Bytes;
  /** PKCS#8 DER. */
  readonly privateKey: Bytes;
}

/**
 * The text of `me.info`: the name; the id as 32 hexadecimal digits; the private key in base64, in one line or
 * several. Some clients fill the first line up with NULs. Throws `ConfigurationError` `bad-identity`.
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

/** The base64 of a private key, in one line or several. Throws `ConfigurationError` `bad-identity`. */
export function parsePrivateKey(base64: string, path: string): Bytes {
  try {
    const privateKey = new Uint8Array(Buffer.from(base64, "base64"));
    if (publicKeyOf(privateKey).length === PUBLIC_KEY_SIZE) return privateKey;
  } catch (cause) {
    throw badIdentity(path, "expected an RSA private key, PKCS#8 in base64", cause);
  }
  throw badIdentity(path, "the protocol has room only for RSA keys of 1024 bits and exponent 17");
}

/** The identity files of one folder. */
export class IdentityFolder {
  readonly #identityPath: string;
  readonly #keyPath: string;
  readonly #editionPath: string;
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
   * The identity, or `undefined` where there is none yet. Throws `ConfigurationError` `bad-identity` or
   * `identity-not-private`.
   */
  async load(): Promise<Identity | undefined> {
    if (await isFolderOpen(this.#folder)) {
      this.#onEvent({ type: "openFolder", path: this.#folder });
    }
    const text = await this.#readPrivate(this.#identityPath);
    // The key beside it is the same: it must be private whether it is needed or not.
    await this.#readPrivate(this.#keyPath);
    return text === undefined ? undefined : parseIdentity(text, this.#identityPath);
  }

  /** The private key alone: what a client has that did not get as far as an id. Throws as `load` does. */
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

  /** What was spoken last. Throws `ConfigurationError` `bad-edition-file`. */
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
      }", expected an ` +
        "edition and habits that this xfer knows",
      { hint: "Remove it, and name the edition: --edition NAME." },
    );
  }

  async saveProfile({ edition, quirks }: Profile): Promise<void> {
    const text = [edition.name, ...quirks].join(" ") + "\n";
    if (await readTextFileIfThere(this.#editionPath) === text) return;
    await writePrivateFile(this.#editionPath, text);
  }

  /** Writes `me.info`, in place of one that is there. */
  async save(identity: Identity): Promise<void> {
    await writePrivateFile(this.#identityPath, formatIdentity(identity));
  }

  /** Keeps a copy of `me.info` beside it. Returns the copy's path. */
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
    hint: "Move the file away to register anew under a name that is free.",
    cause,
  });
}

/** So many copies of one file are kept: a server that denies every time must not fill the folder. */
const MAX_COPIES = 20;

/**
 * Keeps a copy of a file as `PATH.old`, or `PATH.old2`, `PATH.old3` … where those are other files. Returns the copy's path.
 * Throws `StorageError` `cannot-write`, and `ConfigurationError` `too-many-copies`.
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
    `The server denies the identity of ${
      printable(path)
    }, and ${MAX_COPIES} earlier ones are kept already`,
    { hint: `Remove or move those that nobody needs: ${printable(path)}.old and its like.` },
  );
}
