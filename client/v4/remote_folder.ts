/**
 * The entries to download from a folder of the server, and their targets. A server's names must not lead out of the local
 * folder.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { StorageError, type XferError } from "../../protocol/errors.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { localFault, pathsBelow } from "../local/path_mapping.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { Placement } from "./get_item.ts";
import { Bound, DamagedError, type DamagedFile, type RemoteFile } from "./remote_file.ts";

/** The most files of one run. All are known before the first download, and take about a hundred bytes each. */
export const MAX_FILES = 1_000_000;
/** The most folders of these files. Every disk has room for them, and ordinary folders contain several files. */
export const MAX_FOLDERS = 250_000;
/** The most characters in all their names. The longest names take five times as many bytes. */
export const MAX_NAMES = 128 * 1024 * 1024;

/** The most invalid names. A server of another version may allow a few; each is reported. */
export const MAX_FAULTS = 1000;

/** The entries to list. */
export interface RemoteFolder {
  /** Every name begins with this. */
  readonly prefix: string;
  /** The part of the names that the local paths leave out: the prefix, or its folder. Default: the prefix. */
  readonly base?: string;
  /** Whether to download an entry; default: all. */
  readonly isWanted?: ((name: string, isFolder: boolean) => boolean) | undefined;
  /** The local folder. */
  readonly root: string;
  /** Whether to skip a path below the folder; that of a folder ends with `/`. */
  readonly isExcluded: (path: string) => boolean;
  /** Called with each entry, and why it cannot be written, if so. */
  readonly take: (file: RemoteFile, placement: Placement, fault: XferError | undefined) => void;
  /** Called with each entry that is damaged on the server. */
  readonly takeDamaged?: ((damaged: Damaged) => void) | undefined;
  /** The size of the listings of other folders that the same run downloads. */
  readonly known?: ListingSize | undefined;
  readonly maxFiles?: number;
  readonly maxFolders?: number;
  readonly maxNames?: number;
}

/** The size of listings in memory. */
export interface ListingSize {
  readonly files: number;
  /** Folders below those that the user named. */
  readonly folders: number;
  /** Characters in the names of files and folders. */
  readonly characters: number;
}

const NOTHING: ListingSize = { files: 0, folders: 0, characters: 0 };

export function sumOf(a: ListingSize, b = NOTHING): ListingSize {
  return {
    files: a.files + b.files,
    folders: a.folders + b.folders,
    characters: a.characters + b.characters,
  };
}

/** An entry that is damaged on the server. */
export interface Damaged {
  readonly name: string;
  readonly target: string;
  readonly error: DamagedError;
}

/**
 * Lists the entries in a folder of the server. Returns the size of the list. Throws `ProtocolError` `too-many-files`,
 * `unexpected-answer`.
 */
export async function listFolder(
  server: Pick<ConnectionPool, "list">,
  folder: RemoteFolder,
): Promise<ListingSize> {
  const { prefix, base = prefix, isExcluded, isWanted = () => true, known = NOTHING } = folder;
  const { maxFiles = MAX_FILES, maxFolders = MAX_FOLDERS, maxNames = MAX_NAMES } = folder;
  const left = maxNames - known.characters;
  const characters = new Bound(left, "characters in the names of files and folders");
  const folderCount = new Bound(maxFolders - known.folders, "folders");
  const faults = new Bound(MAX_FAULTS, "invalid file names");
  const folders = new Set<string>();
  const placement = placeBelow(folder.root, base);
  let count = 0;
  const countFolders = (below: string) => {
    for (let at = below; at !== "" && !folders.has(at); at = parentOf(at)) {
      folderCount.add();
      characters.add(at.length);
      folders.add(at);
    }
  };
  /** Returns why an entry cannot be written; `undefined` if it can; `"skipped"` if it is not to be. */
  const inspect = (name: string, isFolder: boolean): XferError | "skipped" | undefined => {
    characters.add(name.length);
    if (!isWanted(name, isFolder)) return "skipped";
    const fault = nameFault(name);
    if (fault !== undefined) {
      faults.add();
      return fault;
    }
    const below = belowBase(name, base);
    // Skipped entries count too, because the patterns' cache remembers them.
    countFolders(isFolder ? below : parentOf(below));
    if (isExcluded(isFolder ? `${below}/` : below)) return "skipped";
    return localFault(name);
  };
  const take = (file: RemoteFile) => {
    const fault = inspect(file.name, file.entry === "folder");
    if (fault === "skipped") return;
    count++;
    folder.take(file, placement, fault);
  };
  const takeDamaged = ({ name }: DamagedFile) => {
    const fault = inspect(name, false);
    if (fault === "skipped") return;
    count++;
    const target = fault === undefined ? placement.targetOf(name) : folder.root;
    folder.takeDamaged?.({ name, target, error: new DamagedError([printable(name)]) });
  };
  await server.list(prefix, take, { max: maxFiles - known.files, takeDamaged });
  return { files: count, folders: folders.size, characters: characters.count };
}

/** The placement of the entries below a folder of the server; `base`: the folder, with `/` at its end. */
function placeBelow(root: string, base: string): Placement {
  const pathOf = pathsBelow(root);
  return { targetOf: (name) => pathOf(belowBase(name, base)) };
}

/** A name without the folder. Servers find names in another form of letters with marks, which can be longer. */
function belowBase(name: string, base: string): string {
  if (name.startsWith(base)) return name.slice(base.length);
  return name.split("/").slice(base.split("/").length - 1).join("/");
}

/** The parent of a path below the folder; empty for the folder itself. */
function parentOf(below: string): string {
  return below.slice(0, Math.max(0, below.lastIndexOf("/")));
}

/** Returns a `StorageError` `bad-file-name` for a name that is invalid for files. */
export function nameFault(name: string): StorageError | undefined {
  const fault = pathNameFault(name);
  if (fault === undefined) return undefined;
  return new StorageError("bad-file-name", `cannot write ${printable(name)}: its name ${fault}`, {
    hint: "Download it by itself to another path with -o PATH.",
  });
}
