/**
 * The files to download from a folder of the server, and their targets. A server's names must not lead out of the local
 * folder.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { ProtocolError, StorageError, type XferError } from "../../protocol/errors.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { nameFault as portableFault } from "../../protocol/file_name.ts";
import { localFault, pathBelow } from "../local/path_mapping.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { isPart, partPath } from "../local/partial_file.ts";
import {
  Bound,
  DamagedError,
  type DamagedFile,
  type RemoteFile,
  RESUMABLE_SIZE,
} from "./remote_file.ts";
import { CaseCollisions, foldCase } from "../local/case_collisions.ts";

/** The most files of one run. All are known before the first download, and take about a kilobyte each. */
export const MAX_FILES = 1_000_000;
/** The most folders of these files. Every disk has room for them, and ordinary folders contain several files. */
export const MAX_FOLDERS = 250_000;
/** The most characters in all their names. The longest names take five times as many bytes. */
export const MAX_NAMES = 128 * 1024 * 1024;

/** The most invalid names. A server of another version may allow a few; each is reported. */
export const MAX_FAULTS = 1000;

/** A file to download from a folder. */
export interface FolderItem {
  readonly file: RemoteFile;
  readonly target: string;
  /** Why the file cannot be written: its name leads elsewhere, or is invalid. `target` is the folder then. */
  readonly fault: XferError | undefined;
  /** The files whose names differ from this one only in case. */
  readonly collisions: CaseCollisions | undefined;
  /** Whether its partial download is kept: it is large, and no other item has the same local name. */
  readonly isResumable: boolean;
}

export interface RemoteFolder {
  /** The name of the folder on the server. */
  readonly name: string;
  /** The local folder. */
  readonly root: string;
  /** Whether to skip a path below the folder. */
  readonly isExcluded: (path: string) => boolean;
  /** The listings of other folders that the same run downloads. */
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

/** A file that is damaged on the server. */
export interface Damaged {
  readonly name: string;
  readonly target: string;
  readonly error: DamagedError;
}

export interface FolderListing {
  readonly items: readonly FolderItem[];
  readonly known: ListingSize;
  /** Files that are damaged on the server. */
  readonly damaged: readonly Damaged[];
}

/** Lists the files in a folder of the server. Throws `ProtocolError` `too-many-files`, `unexpected-answer`. */
export async function listItems(
  server: Pick<ConnectionPool, "list">,
  folder: RemoteFolder,
): Promise<FolderListing> {
  const { root, isExcluded, known = NOTHING } = folder;
  const { maxFiles = MAX_FILES, maxFolders = MAX_FOLDERS, maxNames = MAX_NAMES } = folder;
  const prefix = `${folder.name.replace(/\/$/, "")}/`;
  const left = maxNames - known.characters;
  const characters = new Bound(left, "characters in the names of files and folders");
  const folderCount = new Bound(maxFolders - known.folders, "folders");
  const faults = new Bound(MAX_FAULTS, "invalid file names");
  const names = new Set<string>();
  const folders = new Set<string>();
  const listed: ListedFile[] = [];
  const damaged: Damaged[] = [];
  const countFolders = (below: string) => {
    for (let at = parentOf(below); at !== "" && !folders.has(at); at = parentOf(at)) {
      folderCount.add();
      characters.add(at.length);
      folders.add(at);
    }
  };
  /** Returns the target of a file, or why it cannot be written; `undefined` if it is skipped. */
  const placeOf = (name: string): Pick<ListedFile, "target" | "fault"> | undefined => {
    characters.add(name.length);
    if (names.has(name)) throw listedTwice(name);
    names.add(name);
    const fault = nameFault(name);
    if (fault !== undefined) {
      faults.add();
      return { target: root, fault };
    }
    const relative = name.slice(prefix.length);
    // Skipped files count too, because the patterns' cache remembers them.
    countFolders(relative);
    if (isExcluded(relative)) return undefined;
    const target = pathBelow(root, relative);
    return { target, fault: localFault(target) };
  };
  const take = (file: RemoteFile) => {
    const place = placeOf(file.name);
    if (place !== undefined) listed.push({ file, ...place });
  };
  const takeDamaged = ({ name }: DamagedFile) => {
    const place = placeOf(name);
    if (place === undefined) return;
    damaged.push({ name, target: place.target, error: new DamagedError([printable(name)]) });
  };
  await server.list(prefix, take, { max: maxFiles - known.files, takeDamaged });
  const count = listed.length + damaged.length;
  return {
    items: toItems(listed),
    damaged,
    known: { files: count, folders: folders.size, characters: characters.count },
  };
}

/** The parent of a path below the folder; empty for the folder itself. */
function parentOf(below: string): string {
  return below.slice(0, Math.max(0, below.lastIndexOf("/")));
}

type ListedFile = Omit<FolderItem, "collisions" | "isResumable">;

function toItems(listed: readonly ListedFile[]): FolderItem[] {
  const looks = new Set<string>();
  const collisions = new Map<string, CaseCollisions>();
  for (const { target } of listed) {
    const look = foldCase(target);
    if (looks.has(look)) collisions.set(look, new CaseCollisions());
    else looks.add(look);
  }
  const parts = new Set(listed.map(({ target }) => target).filter(isPart));
  return listed.map((known) => {
    const { file, target } = known;
    const isFree = parts.size === 0 || !parts.has(partPath(target));
    return {
      ...known,
      collisions: collisions.size === 0 ? undefined : collisions.get(foldCase(target)),
      isResumable: file.size >= RESUMABLE_SIZE && isFree,
    };
  });
}

/** Returns a `StorageError` `bad-file-name` for a name that is invalid for files. */
function nameFault(name: string): StorageError | undefined {
  const fault = pathNameFault(name) ?? name.split("/").map(portableFault).find(Boolean);
  if (fault === undefined) return undefined;
  return new StorageError("bad-file-name", `cannot write ${printable(name)}: its name ${fault}`, {
    hint: "Download it by itself to another path with -o PATH.",
  });
}

function listedTwice(name: string): ProtocolError {
  return new ProtocolError("unexpected-answer", `the server listed ${printable(name)} twice`);
}
