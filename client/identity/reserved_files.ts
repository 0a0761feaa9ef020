/**
 * Files of xfer itself, which are not uploaded with the others. Some of them prove who a client or a server is.
 *
 * @module
 */
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { DATA_FOLDER_NAMES, isDataFolder } from "../../protocol/server_files.ts";
import { LOCK_FILE } from "./folder_lock.ts";
import { INDEX_FOLDER } from "../local/index_folder.ts";
import { type NamedPath, realPath } from "../local/named_path.ts";
import { EDITION_FILE, IDENTITY_FILE, KEY_FILE } from "./v3_identity.ts";
import { STORED_FILE } from "./upload_history.ts";
import { TRANSFER_INFO } from "./transfer_info.ts";
import { ACCOUNT_FILE, ACCOUNT_KEY_FILE } from "./v4_account.ts";
import { isAuthoritiesName } from "./saved_authorities.ts";
import { KNOWN_ANSWERS } from "./known_answers.ts";
import { KNOWN_SERVERS } from "./known_servers.ts";
import { isPartName } from "../local/partial_file.ts";

/** Files with a private key. */
const KEYS = [ACCOUNT_KEY_FILE, IDENTITY_FILE, KEY_FILE];
/** A folder with any of them is a client's folder. */
const MARKS = [
  ...[ACCOUNT_KEY_FILE, IDENTITY_FILE, ACCOUNT_FILE],
  ...[LOCK_FILE, STORED_FILE, EDITION_FILE],
];
/** Names of a client's files in any folder. */
const ANYWHERE = [...MARKS, KNOWN_SERVERS, KNOWN_ANSWERS];
/** Further files of a client's folder, whose names are also common elsewhere. */
const BESIDE = [KEY_FILE, TRANSFER_INFO, INDEX_FOLDER];
/** Files that users write themselves, without secrets. */
const PUBLIC = [TRANSFER_INFO];

/** The suffix of a copy, or of a temporary file. */
const COPY = /\.(?:old\d*|[0-9a-f-]{36}\.tmp)$/;

const isOneOf = (names: readonly string[], name: string) => names.includes(name.replace(COPY, ""));

/** Why a file is never uploaded. */
export type ReservedFile =
  | "one of xfer's own files"
  | "a partial download"
  | "a server's data folder";

/** The reason that applies to a name in any folder. */
function ownByName(name: string): ReservedFile | undefined {
  if (isPartName(name)) return "a partial download";
  const isOwn = isOneOf(ANYWHERE, name) || isAuthoritiesName(name);
  return isOwn ? "one of xfer's own files" : undefined;
}

export class ReservedFiles {
  /** The real path of the folder of the identity in use. */
  readonly #folder: string | undefined;
  /** Its keys, by device and inode, because a key may have further names. */
  readonly #keys: ReadonlySet<string>;
  /** Their inodes. */
  readonly #inodes: ReadonlySet<number>;
  /** Results by the real path of a folder: the files of one command are mostly in few folders. */
  readonly #servers = new Map<string, boolean>();
  readonly #own = new Map<string, (name: string) => ReservedFile | undefined>();

  private constructor(folder: string | undefined, keys: ReadonlySet<string>) {
    this.#folder = folder;
    this.#keys = keys;
    this.#inodes = new Set([...keys].map((number) => Number(number.split(" ")[1])));
  }

  /**
   * Reserves the files of the identity in `identityFolder`, under any name, and those of all other clients and servers.
   */
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
   * Returns the reason for each name in a folder, if it is reserved. `folder`: its real path, if known; `hasName`:
   * whether the folder has an entry.
   */
  in(
    folder: string | undefined,
    hasName: (name: string) => boolean,
  ): (name: string) => ReservedFile | undefined {
    const isClients = (folder !== undefined && folder === this.#folder) || MARKS.some(hasName);
    return (name) =>
      ownByName(name) ??
        (isClients && isOneOf(BESIDE, name) ? "one of xfer's own files" : undefined);
  }

  /** Whether the identity in use is in a real folder, or in one below it. */
  isBelow(folder: string): boolean {
    if (this.#folder === undefined) return false;
    const way = relative(folder, this.#folder);
    return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  }

  /** Whether a path, in a real folder, is that of a file of the identity in use. */
  has(path: string): boolean {
    return dirname(path) === this.#folder &&
      this.in(this.#folder, () => false)(basename(path)) === "one of xfer's own files";
  }

  /** Whether a file is a key of the identity in use, under any name. */
  isKey(info: Deno.FileInfo): boolean {
    const number = numberOf(info);
    return number !== undefined && this.#keys.has(number);
  }

  /** Whether the file at a path is such a key. Its inode, which is known, rules out most files. */
  isKeyAt(path: string, inode: number): boolean {
    return this.#inodes.has(inode) && this.isKey(Deno.lstatSync(path));
  }

  /** Throws `UsageError` `own-key` for a path that leads to a private file of a client or a server. */
  refuse({ path, real, info }: NamedPath): void {
    if (real === undefined || info === undefined) return;
    const [folder, name] = info.isDirectory ? [real, ""] : [dirname(real), basename(real)];
    if (this.#isServers(folder)) throw ownOf(path, "a server's data folder");
    const own = remember(this.#own, folder, () => this.#ownAt(folder))(name);
    if (this.isKey(info) || (own !== undefined && isOneOf(KEYS, name))) throw ownKey(path);
    if (own !== undefined && !PUBLIC.includes(name)) throw ownOf(path, own);
  }

  /** Whether a folder is a server's data folder or inside one. */
  #isServers(folder: string): boolean {
    return remember(this.#servers, folder, () => {
      const found = namesThere(folder, DATA_FOLDER_NAMES);
      const above = dirname(folder);
      return isDataFolder((name) => found.has(name)) ||
        (above !== folder && this.#isServers(above));
    });
  }

  #ownAt(folder: string): (name: string) => ReservedFile | undefined {
    const found = namesThere(folder, MARKS);
    return this.in(folder, (name) => found.has(name));
  }
}

function remember<T>(known: Map<string, T>, key: string, find: () => T): T {
  const found = known.get(key) ?? find();
  known.set(key, found);
  return found;
}

function namesThere(folder: string, names: readonly string[]): Set<string> {
  return new Set(names.filter((name) => isThere(join(folder, name))));
}

/** Asks in this thread, because dozens of questions to other threads take longer. */
function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The device and inode of a file; `undefined` on systems that don't number files. */
function numberOf({ dev, ino }: Deno.FileInfo): string | undefined {
  return ino ? `${dev} ${ino}` : undefined;
}

function ownKey(path: string): UsageError {
  return new UsageError(
    "own-key",
    `cannot upload ${printable(path)}: it is your private key`,
    {
      hint: "Copy it by other means, or run 'xfer client link' to use your account on another " +
        "machine.",
    },
  );
}

const HINTS: Readonly<Record<ReservedFile, string>> = {
  "one of xfer's own files": "Copy it by other means.",
  "a partial download": "Download the file again to finish it, or rename the partial download.",
  "a server's data folder": "To copy it, run 'xfer server backup' or 'xfer server export'.",
};

function ownOf(path: string, own: ReservedFile): UsageError {
  const what = own === "a server's data folder" ? `in ${own}` : own;
  return new UsageError("own-key", `cannot upload ${printable(path)}: it is ${what}`, {
    hint: HINTS[own],
  });
}
