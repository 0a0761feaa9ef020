/**
 * Files of xfer's own, which don't go to a server with the others: some prove who a client or a server is.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { DATA_FILES, isDataFolder } from "../../protocol/server_files.ts";
import { LOCK_FILE } from "./folder_lock.ts";
import { isThere } from "../local/atomic_file.ts";
import { type NamedPath, realPath } from "../local/named_path.ts";
import { EDITION_FILE, IDENTITY_FILE, KEY_FILE } from "./v3_identity.ts";
import { STORED_FILE } from "./upload_history.ts";
import { TRANSFER_INFO } from "./transfer_info.ts";
import { ACCOUNT_FILE, ACCOUNT_KEY_FILE } from "./v4_account.ts";
import { isAuthoritiesName } from "./kept_authorities.ts";
import { KNOWN_SERVERS } from "./known_servers.ts";
import { isPartName } from "../local/partial_file.ts";

/** With a private key in them. */
const KEYS = [ACCOUNT_KEY_FILE, IDENTITY_FILE, KEY_FILE];
/** By any of them a folder is known to be a client's, whoever's. */
const MARKS = [
  ...[ACCOUNT_KEY_FILE, IDENTITY_FILE, ACCOUNT_FILE],
  ...[LOCK_FILE, STORED_FILE, EDITION_FILE],
];
/** What else is in a client's folder, under names that other files may have elsewhere. */
const BESIDE = [KEY_FILE, TRANSFER_INFO];
/** What users write themselves; nothing in it is a secret. */
const PUBLIC = [TRANSFER_INFO];

/** What is behind the name of a copy that is kept, and of a file that is not written to its end. */
const COPY = /\.(?:old\d*|[0-9a-f-]{36}\.tmp)$/;

const isOneOf = (names: readonly string[], name: string) => names.includes(name.replace(COPY, ""));

/** Why a file in a folder is never sent. */
export type ReservedFile =
  | "a file of xfer's own"
  | "an unfinished download"
  | "a server's data folder";

/** Files that are private wherever they are. */
function ownByName(name: string): ReservedFile | undefined {
  if (isPartName(name)) return "an unfinished download";
  const isOwn = isOneOf([...MARKS, KNOWN_SERVERS], name) || isAuthoritiesName(name);
  return isOwn ? "a file of xfer's own" : undefined;
}

export class ReservedFiles {
  /** Of the identity in use; its real path. */
  readonly #folder: string | undefined;
  /** The keys in it, by their numbers: they may have other names too. */
  readonly #keys: ReadonlySet<string>;
  /** What was found of folders, by their real paths: many files that are named are in few of them. */
  readonly #servers = new Map<string, Promise<boolean>>();
  readonly #own = new Map<string, Promise<(name: string) => ReservedFile | undefined>>();

  private constructor(folder: string | undefined, keys: ReadonlySet<string>) {
    this.#folder = folder;
    this.#keys = keys;
  }

  /** Those of the identity in a folder, wherever links lead to it, and of any other client and server. */
  static async of(identityFolder: string): Promise<ReservedFiles> {
    const folder = await realPath(identityFolder);
    const keys = new Set<string>();
    for (const name of folder === undefined ? [] : KEYS) {
      const number = await Deno.stat(join(identityFolder, name)).then(numberOf, () => undefined);
      if (number !== undefined) keys.add(number);
    }
    return new ReservedFiles(folder, keys);
  }

  /**
   * Which of a folder's entries are of xfer's own. `folder`: its real path, where it is known; `hasName`: whether there
   * is such an entry.
   */
  in(
    folder: string | undefined,
    hasName: (name: string) => boolean,
  ): (name: string) => ReservedFile | undefined {
    const isClients = (folder !== undefined && folder === this.#folder) || MARKS.some(hasName);
    return (name) =>
      ownByName(name) ??
        (isClients && isOneOf(BESIDE, name) ? "a file of xfer's own" : undefined);
  }

  /** Whether a file is a key of the identity in use, under whatever name. */
  isKey(info: Deno.FileInfo): boolean {
    const number = numberOf(info);
    return number !== undefined && this.#keys.has(number);
  }

  /** Throws `UsageError` `own-key` for a path that leads to something that is private to a client or a server. */
  async refuse({ path, real, info }: NamedPath): Promise<void> {
    if (real === undefined || info === undefined) return;
    const [folder, name] = info.isDirectory ? [real, ""] : [dirname(real), basename(real)];
    if (await this.#isServers(folder)) throw ownOf(path, "a server's data folder");
    const own = (await remember(this.#own, folder, () => this.#ownAt(folder)))(name);
    if (this.isKey(info) || (own !== undefined && isOneOf(KEYS, name))) throw ownKey(path);
    if (own !== undefined && !PUBLIC.includes(name)) throw ownOf(path, own);
  }

  /** Whether a folder is a server's data folder, or in one. */
  #isServers(folder: string): Promise<boolean> {
    return remember(this.#servers, folder, async () => {
      const found = await namesThere(folder, DATA_FILES);
      const above = dirname(folder);
      return isDataFolder((name) => found.has(name)) ||
        (above !== folder && await this.#isServers(above));
    });
  }

  async #ownAt(folder: string): Promise<(name: string) => ReservedFile | undefined> {
    const found = await namesThere(folder, MARKS);
    return this.in(folder, (name) => found.has(name));
  }
}

function remember<T>(known: Map<string, T>, key: string, find: () => T): T {
  const found = known.get(key) ?? find();
  known.set(key, found);
  return found;
}

async function namesThere(folder: string, names: readonly string[]): Promise<Set<string>> {
  const there = await Promise.all(names.map((name) => isThere(join(folder, name))));
  return new Set(names.filter((_, i) => there[i] === true));
}

/** The identity of a file on this machine, whatever its name; not every system has one. */
function numberOf({ dev, ino }: Deno.FileInfo): string | undefined {
  return ino ? `${dev} ${ino}` : undefined;
}

function ownKey(path: string): UsageError {
  return new UsageError(
    "own-key",
    `Cannot send ${printable(path)}: it proves who you are, and is nobody else's`,
    {
      hint: "For a copy of it, use another way than the server that it is for. For another " +
        "machine of yours: xfer client link.",
    },
  );
}

const HINTS: Readonly<Record<ReservedFile, string>> = {
  "a file of xfer's own": "For a copy of it, use another way than a server.",
  "an unfinished download": "Get the file again to finish it, or rename it.",
  "a server's data folder": "To copy what a server keeps: xfer server backup, or export.",
};

function ownOf(path: string, own: ReservedFile): UsageError {
  const what = own === "a server's data folder" ? `in ${own}` : own;
  return new UsageError("own-key", `Cannot send ${printable(path)}: it is ${what}`, {
    hint: HINTS[own],
  });
}
