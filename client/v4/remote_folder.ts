/**
 * The entries to download from a folder of the server, and their targets. A server's names must not lead out of the local
 * folder.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { StorageError } from "../../protocol/errors.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { localFault, pathBelow } from "../local/path_mapping.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { Bound, DamagedError, type DamagedFile, type RemoteFile } from "./remote_file.ts";
import type { ListedEntry } from "./get_item.ts";

/** The most files of one run. All are known before the first download, and take about a kilobyte each. */
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

export interface FolderListing {
  readonly listed: readonly ListedEntry[];
  readonly known: ListingSize;
  /** Entries that are damaged on the server. */
  readonly damaged: readonly Damaged[];
}

/** Lists the entries in a folder of the server. Throws `ProtocolError` `too-many-files`, `unexpected-answer`. */
export async function listFolder(
  server: Pick<ConnectionPool, "list">,
  folder: RemoteFolder,
): Promise<FolderListing> {
  const { prefix, base = prefix, root, isExcluded, isWanted = () => true, known = NOTHING } =
    folder;
  const { maxFiles = MAX_FILES, maxFolders = MAX_FOLDERS, maxNames = MAX_NAMES } = folder;
  // Servers find names in another form of letters with marks, which can have another length.
  const depth = base.split("/").length - 1;
  const left = maxNames - known.characters;
  const characters = new Bound(left, "characters in the names of files and folders");
  const folderCount = new Bound(maxFolders - known.folders, "folders");
  const faults = new Bound(MAX_FAULTS, "invalid file names");
  const folders = new Set<string>();
  const listed: ListedEntry[] = [];
  const damaged: Damaged[] = [];
  const countFolders = (below: string) => {
    for (let at = below; at !== "" && !folders.has(at); at = parentOf(at)) {
      folderCount.add();
      characters.add(at.length);
      folders.add(at);
    }
  };
  /** Returns the target of an entry, or why it cannot be written; `undefined` if it is skipped. */
  const placeOf = (name: string, isFolder: boolean): Omit<ListedEntry, "file"> | undefined => {
    characters.add(name.length);
    if (!isWanted(name, isFolder)) return undefined;
    const fault = nameFault(name);
    if (fault !== undefined) {
      faults.add();
      return { target: root, fault };
    }
    const below = name.split("/").slice(depth).join("/");
    // Skipped entries count too, because the patterns' cache remembers them.
    countFolders(isFolder ? below : parentOf(below));
    if (isExcluded(isFolder ? `${below}/` : below)) return undefined;
    return { target: pathBelow(root, below), fault: localFault(name) };
  };
  const take = (file: RemoteFile) => {
    const place = placeOf(file.name, file.entry === "folder");
    if (place !== undefined) listed.push({ file, ...place });
  };
  const takeDamaged = ({ name }: DamagedFile) => {
    const place = placeOf(name, false);
    if (place === undefined) return;
    damaged.push({ name, target: place.target, error: new DamagedError([printable(name)]) });
  };
  await server.list(prefix, take, { max: maxFiles - known.files, takeDamaged });
  const count = listed.length + damaged.length;
  return {
    ...{ listed, damaged },
    known: { files: count, folders: folders.size, characters: characters.count },
  };
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
