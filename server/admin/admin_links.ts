/**
 * Links to the operator's page. Anyone who can read the data folder, or has the secret of the cluster, can create one,
 * without asking the server. Each works once.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { join } from "node:path";
import { formatAddress } from "../../protocol/address.ts";
import { type Bytes, fromHex, toHex } from "../../protocol/bytes.ts";
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ADMIN_FILE } from "../../protocol/server_files.ts";
import { removeIfThere } from "../fs/file_system.ts";
import { reachable } from "../listen/listeners.ts";
import { isSame } from "./admin_access.ts";
import { type AdminAddress, isLocal } from "./admin_address.ts";

/** The life of a link: it is opened at once. */
export const ADMIN_LINK_LIFE_MS = 10 * 60_000;
const KEY_SIZE = 32;
const NONCE_SIZE = 16;
/** The most used links that are remembered, until they expire. */
const MAX_USED = 1024;

/** Where the key of links is. */
export type AdminLinkSource =
  /** In the data folder, while a server with a page uses it. */
  | { readonly dataFolder: string }
  /** In the secret of the cluster, for the server with this name. */
  | {
    readonly key: Bytes;
    readonly name: string;
    readonly addresses: readonly AdminAddress[];
  };

interface AdminFile {
  readonly key: string;
  readonly addresses: readonly AdminAddress[];
}

/** A link that begins one session. Throws `ConfigurationError` `no-admin-page`. */
export async function adminLink(source: AdminLinkSource, now: number): Promise<string> {
  if ("key" in source) {
    const { key, name, addresses } = source;
    return linkTo(addresses, newToken(key, name, now));
  }
  const path = join(source.dataFolder, ADMIN_FILE);
  try {
    const { key, addresses }: AdminFile = JSON.parse(await Deno.readTextFile(path));
    return linkTo(addresses, newToken(fromHex(key) ?? new Uint8Array(0), "", now));
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound
      ? "no server with admin-listen runs on it"
      : reasonOf(cause);
    throw new ConfigurationError(
      "no-admin-page",
      `cannot open the operator's page of ${printable(source.dataFolder)}: ${reason}`,
      {
        hint:
          "Start the server with admin-listen set to an address such as 127.0.0.1:9256, or name " +
          "its data folder with --data DIR.",
        cause,
      },
    );
  }
}

/** The links of a running server. */
export class AdminLinks implements AsyncDisposable {
  readonly #key: Bytes;
  readonly #name: string;
  readonly #clock: () => number;
  /** Links from before the start may have been used. */
  readonly #startedAt: number;
  readonly #path: string | undefined;
  #addresses: readonly AdminAddress[] = [];
  /** Times of expiry by the nonce of used links. */
  readonly #used = new Map<string, number>();

  private constructor(key: Bytes, name: string, clock: () => number, path?: string) {
    this.#key = key;
    this.#name = name;
    this.#clock = clock;
    this.#startedAt = clock();
    this.#path = path;
  }

  /** Links with a new key in the data folder. */
  static inFolder(folder: string, clock: () => number): AdminLinks {
    return new AdminLinks(
      crypto.getRandomValues(new Uint8Array(KEY_SIZE)),
      "",
      clock,
      join(folder, ADMIN_FILE),
    );
  }

  /** Links of the server with a name, with a key of the cluster. */
  static ofCluster(key: Bytes, name: string, clock: () => number): AdminLinks {
    return new AdminLinks(key, name, clock);
  }

  /** Links are accepted, and lead to the first of the addresses that a browser can open. */
  async open(addresses: readonly AdminAddress[]): Promise<void> {
    this.#addresses = addresses;
    if (this.#path === undefined) return;
    const file: AdminFile = { key: toHex(this.#key), addresses };
    const temporary = `${this.#path}.tmp`;
    await Deno.writeTextFile(temporary, `${JSON.stringify(file)}\n`, { mode: 0o600 });
    await Deno.rename(temporary, this.#path);
  }

  create(): string {
    return linkTo(this.#addresses, newToken(this.#key, this.#name, this.#clock()));
  }

  /** Uses up a token. Returns whether it was good. */
  accept(token: string): boolean {
    const [made = "", nonce = "", ...rest] = token.split(".");
    const now = this.#clock();
    const madeAt = parseInt(made, 36);
    const isGood = rest.length === 1 && isSame(token, signed(this.#key, this.#name, made, nonce));
    if (!isGood || !(madeAt >= this.#startedAt) || madeAt > now) return false;
    if (madeAt + ADMIN_LINK_LIFE_MS <= now || this.#used.has(nonce)) return false;
    for (const [old, expiresAt] of this.#used) if (expiresAt <= now) this.#used.delete(old);
    if (this.#used.size >= MAX_USED) return false;
    this.#used.set(nonce, madeAt + ADMIN_LINK_LIFE_MS);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#path === undefined) return;
    await removeIfThere(Deno, this.#path);
  }
}

/** The time of creation, random characters, and what proves that the key made both. */
function newToken(key: Bytes, name: string, now: number): string {
  return signed(key, name, now.toString(36), randomBytes(NONCE_SIZE).toString("base64url"));
}

function signed(key: Bytes, name: string, made: string, nonce: string): string {
  const text = `xfer admin link\n${name}\n${made}\n${nonce}`;
  const proof = createHmac("sha256", Buffer.from(key)).update(text).digest("base64url");
  return `${made}.${nonce}.${proof}`;
}

function linkTo(addresses: readonly AdminAddress[], token: string): string {
  const address = addresses.find((address) => "port" in address);
  const isPlain = address === undefined || isLocal(address);
  const url = new URL(isPlain ? "http://localhost/login" : "https://localhost/login");
  if (address !== undefined && "port" in address) {
    url.host = formatAddress(reachable(address));
  }
  url.searchParams.set("token", token);
  return url.href;
}
