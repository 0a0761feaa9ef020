/**
 * The identity of a client over protocol 4: `me.key`, an Ed25519 private key, and `me.account`, the name and the id
 * that the server assigned.
 *
 * @module
 */
import { join } from "node:path";
import { type Bytes, equalBytes, fromHex, toHex } from "../../protocol/bytes.ts";
import { CLIENT_ID_SIZE } from "../../protocol/header.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import { isUserName, printable } from "../../protocol/printable.ts";
import { fromPem, toPem } from "../../protocol/encoding/pem.ts";
import { withFolderLock } from "./folder_lock.ts";
import { readTextFileIfThere } from "../local/read_small_file.ts";
import { writePrivateFile } from "../local/atomic_file.ts";
import { readPrivateFile } from "./private_file.ts";

export const ACCOUNT_KEY_FILE = "me.key";
export const ACCOUNT_FILE = "me.account";

export interface AccountKey {
  readonly privateKey: CryptoKey;
  /** 32 bytes. */
  readonly publicKey: Bytes;
}

export interface LocalAccount {
  readonly name: string;
  readonly clientId: Bytes;
}

/** Whether a folder has an account of protocol 4. */
export async function hasV4Account(folder: string): Promise<boolean> {
  return await readTextFileIfThere(join(folder, ACCOUNT_FILE)) !== undefined;
}

export class AccountFolder {
  readonly #folder: string;
  readonly #keyPath: string;
  readonly #accountPath: string;
  readonly #onTightened: (path: string) => void;
  #made: AccountKey | undefined;

  constructor(folder: string, onTightened: (path: string) => void = () => undefined) {
    this.#folder = folder;
    this.#keyPath = join(folder, ACCOUNT_KEY_FILE);
    this.#accountPath = join(folder, ACCOUNT_FILE);
    this.#onTightened = onTightened;
  }

  /**
   * Returns the key. Creates one and makes it durable if none exists, the same for all clients that start at once.
   * Throws `ConfigurationError` `bad-identity`, and the errors of `withFolderLock`.
   */
  async loadKey(): Promise<AccountKey> {
    const there = await this.readKey();
    if (there !== undefined) return there;
    return await withFolderLock(this.#folder, async () => {
      const there = await this.readKey();
      if (there !== undefined) return there;
      const key = await makeKey();
      this.#made = key;
      await this.#writeKey(key);
      return key;
    });
  }

  /** Removes a key that this object created and the server refused to register. */
  async dropMadeKey(): Promise<void> {
    const made = this.#made;
    if (made === undefined) return;
    await withFolderLock(this.#folder, async () => {
      // Another client may have registered this key meanwhile.
      const [key, account] = [await this.readKey(), await this.loadAccount()];
      if (account !== undefined || key === undefined) return;
      if (equalBytes(key.publicKey, made.publicKey)) await Deno.remove(this.#keyPath);
    });
    this.#made = undefined;
  }

  /**
   * Returns the key of an account. Throws `ConfigurationError` `bad-identity`, also if the key is missing: the server
   * would not know a new one.
   */
  async readKeyOf({ name }: LocalAccount): Promise<AccountKey> {
    const key = await this.readKey();
    if (key !== undefined) return key;
    throw new ConfigurationError(
      "bad-identity",
      `cannot use the account ${name} in ${printable(this.#accountPath)}: its key, ` +
        `${ACCOUNT_KEY_FILE}, is missing`,
      {
        hint:
          `Restore ${ACCOUNT_KEY_FILE} from a backup, or get a link token from another machine ` +
          `of yours or the server's operator, move ${ACCOUNT_FILE} away, and run ` +
          "'xfer client link TOKEN'.",
      },
    );
  }

  /** Returns the key, or `undefined` if none exists. Throws `ConfigurationError` `bad-identity`. */
  async readKey(): Promise<AccountKey | undefined> {
    const text = await readPrivateFile(this.#keyPath, () => this.#onTightened(this.#keyPath));
    return text === undefined ? undefined : await parseKey(text, this.#keyPath);
  }

  async #writeKey({ privateKey }: AccountKey): Promise<void> {
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
    await writePrivateFile(this.#keyPath, toPem("PRIVATE KEY", pkcs8));
  }

  /** Returns the account, or `undefined` before the registration. Throws `ConfigurationError` `bad-identity`. */
  async loadAccount(): Promise<LocalAccount | undefined> {
    const text = await readPrivateFile(
      this.#accountPath,
      () => this.#onTightened(this.#accountPath),
    );
    if (text === undefined) return undefined;
    const [name = "", id = ""] = text.split(/\r?\n/);
    const clientId = fromHex(id.trim());
    if (clientId?.length === CLIENT_ID_SIZE && isUserName(name.trim())) {
      return { name: name.trim(), clientId };
    }
    throw badIdentity(
      this.#accountPath,
      "expected a user name, and an id of 32 hexadecimal digits",
    );
  }

  /** Writes an account, and the key that is registered for it. Throws the errors of `withFolderLock`. */
  async saveAccount({ name, clientId }: LocalAccount, key: AccountKey): Promise<void> {
    await withFolderLock(this.#folder, async () => {
      const there = await this.readKey();
      // Another client, which the server refused, may have removed the key.
      if (!there || !equalBytes(there.publicKey, key.publicKey)) await this.#writeKey(key);
      await writePrivateFile(this.#accountPath, `${name}\n${toHex(clientId)}\n`);
    });
  }
}

async function makeKey(): Promise<AccountKey> {
  const made = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  return await withPublicKey((made as CryptoKeyPair).privateKey);
}

/** Adds the public key, which WebCrypto exports only together with the private one. */
async function withPublicKey(privateKey: CryptoKey): Promise<AccountKey> {
  const { x } = await crypto.subtle.exportKey("jwk", privateKey);
  const raw = atob((x ?? "").replaceAll("-", "+").replaceAll("_", "/"));
  return { privateKey, publicKey: Uint8Array.from(raw, (char) => char.charCodeAt(0)) };
}

async function parseKey(text: string, path: string): Promise<AccountKey> {
  try {
    const pkcs8 = fromPem(text);
    return await withPublicKey(
      await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]),
    );
  } catch (cause) {
    throw badIdentity(path, "expected an Ed25519 private key, PKCS#8 in PEM", cause);
  }
}

function badIdentity(path: string, what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError("bad-identity", `${printable(path)}: ${what}`, {
    hint:
      "Restore it from a backup, or move me.key and me.account away to register under another name.",
    cause,
  });
}
