/**
 * What there is to be got of a folder, and where it is to be: a server's names must lead nowhere else.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { ProtocolError, StorageError, type XferError } from "../../protocol/errors.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
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

/** Files that one run gets, at most: all are known before the first is got, and take about a kilobyte each. */
export const MAX_FILES = 1_000_000;
/** Folders that these are in, at most: a disk has room for each, and ordinary folders hold several files. */
export const MAX_FOLDERS = 250_000;
/** Characters that the names of all these have, at most: such of the longest names take five times as many bytes. */
export const MAX_NAMES = 128 * 1024 * 1024;

/** Names that no file can have, at most: a server of another version may allow a few, and each is reported. */
export const MAX_FAULTS = 1000;

export interface Item {
  readonly file: RemoteFile;
  readonly target: string;
  /** Why it can't be here: its name would lead elsewhere, or is none. `target` is the folder's then. */
  readonly fault: XferError | undefined;
  /** What is known of others that may be one file with this one. */
  readonly twins: CaseCollisions | undefined;
  /** Whether what has come of it is kept under the usual name: it is large, and no other item is called so. */
  readonly isResumable: boolean;
}

export interface RemoteFolder {
  /** On the server. */
  readonly name: string;
  /** Here. */
  readonly root: string;
  /** Whether a path from there is left out. */
  readonly isExcluded: (path: string) => boolean;
  /** Of other folders that are got by the same run. */
  readonly known?: ListingSize | undefined;
  readonly maxFiles?: number;
  readonly maxFolders?: number;
  readonly maxNames?: number;
}

/** What is kept in memory of files. */
export interface ListingSize {
  readonly files: number;
  /** Below those that the user has named. */
  readonly folders: number;
  /** In the names of both. */
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
  readonly items: readonly Item[];
  readonly known: ListingSize;
  /** Those that the server can't give back. */
  readonly damaged: readonly Damaged[];
}

/**
 * The files below a folder of the server. Throws `ProtocolError` `too-many-files`, `unexpected-answer`.
 */
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
  const faults = new Bound(MAX_FAULTS, "names that no file can have");
  const names = new Set<string>();
  const folders = new Set<string>();
  const plain: ListedFile[] = [];
  const damaged: Damaged[] = [];
  const countFolders = (below: string) => {
    for (let at = parentOf(below); at !== "" && !folders.has(at); at = parentOf(at)) {
      folderCount.add();
      characters.add(at.length);
      folders.add(at);
    }
  };
  /** Where a file is to be, and why it can't be there; `undefined` where it is left out. */
  const placeOf = (name: string): Pick<ListedFile, "target" | "fault"> | undefined => {
    characters.add(name.length);
    if (names.has(name)) throw twice(name);
    names.add(name);
    const fault = nameFault(name);
    if (fault !== undefined) {
      faults.add();
      return { target: root, fault };
    }
    const relative = name.slice(prefix.length);
    // What is left out counts too: patterns remember what they were compared with.
    countFolders(relative);
    if (isExcluded(relative)) return undefined;
    const target = pathBelow(root, relative);
    return { target, fault: localFault(target) };
  };
  const take = (file: RemoteFile) => {
    const place = placeOf(file.name);
    if (place !== undefined) plain.push({ file, ...place });
  };
  const takeDamaged = ({ name }: DamagedFile) => {
    const place = placeOf(name);
    if (place === undefined) return;
    damaged.push({ name, target: place.target, error: new DamagedError([printable(name)]) });
  };
  await server.list(prefix, take, maxFiles - known.files, takeDamaged);
  const listed = plain.length + damaged.length;
  return {
    items: toItems(plain),
    damaged,
    known: { files: listed, folders: folders.size, characters: characters.count },
  };
}

/** The folder of what is below another folder; empty where it is that one. */
function parentOf(below: string): string {
  return below.slice(0, Math.max(0, below.lastIndexOf("/")));
}

type ListedFile = Omit<Item, "twins" | "isResumable">;

function toItems(plain: readonly ListedFile[]): Item[] {
  const looks = new Set<string>();
  const twins = new Map<string, CaseCollisions>();
  for (const { target } of plain) {
    const look = foldCase(target);
    if (looks.has(look)) twins.set(look, new CaseCollisions());
    else looks.add(look);
  }
  const parts = new Set(plain.map(({ target }) => target).filter(isPart));
  return plain.map((known) => {
    const { file, target } = known;
    const isFree = parts.size === 0 || !parts.has(partPath(target));
    return {
      ...known,
      twins: twins.size === 0 ? undefined : twins.get(foldCase(target)),
      isResumable: file.size >= RESUMABLE_SIZE && isFree,
    };
  });
}

/** A `StorageError` `bad-file-name` for a name that no file has. */
function nameFault(name: string): StorageError | undefined {
  const fault = pathNameFault(name);
  if (fault === undefined) return undefined;
  return new StorageError("bad-file-name", `Cannot write ${printable(name)}: its name ${fault}`, {
    hint: "Get it by itself, under another name: -o PATH.",
  });
}

function twice(name: string): ProtocolError {
  return new ProtocolError("unexpected-answer", `The server tells twice of ${printable(name)}`);
}
