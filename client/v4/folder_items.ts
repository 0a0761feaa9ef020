/**
 * What there is to be got of a folder, and where it is to be: a server's names must lead nowhere else.
 *
 * @module
 */
import { printable, ProtocolError } from "../../protocol/mod.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { pathBelow } from "../local_paths.ts";
import type { Lanes } from "./lanes.ts";
import { isPart, partPath } from "./part_file.ts";
import { RESUMABLE } from "./put_request.ts";
import { Count, type RemoteFile } from "./remote_file.ts";
import { lookOf, Twins } from "./twins.ts";

/** Files that one run gets, at most: all are known before the first is got, and take about a kilobyte each. */
export const MAX_FILES = 1_000_000;
/** Folders that these are in, at most: a disk has room for each, and ordinary folders hold several files. */
export const MAX_FOLDERS = 250_000;
/** Characters that the names of all these have, at most: such of the longest names take five times as many bytes. */
export const MAX_NAMES = 128 * 1024 * 1024;

export interface Item {
  readonly file: RemoteFile;
  readonly target: string;
  /** What is known of others that may be one file with this one. */
  readonly twins: Twins | undefined;
  /** Whether what has come of it is kept under the usual name: it is large, and no other item is called so. */
  readonly isResumable: boolean;
}

export interface Folder {
  /** On the server. */
  readonly name: string;
  /** Here. */
  readonly root: string;
  /** Whether a path from there is left out. */
  readonly isExcluded: (path: string) => boolean;
  /** Of other folders that are got by the same run. */
  readonly known?: Known | undefined;
  readonly maxFiles?: number;
  readonly maxFolders?: number;
  readonly maxNames?: number;
}

/** What is kept in memory of files. */
export interface Known {
  readonly files: number;
  /** Below those that the user has named. */
  readonly folders: number;
  /** In the names of both. */
  readonly characters: number;
}

const NOTHING: Known = { files: 0, folders: 0, characters: 0 };

export function sumOf(a: Known, b = NOTHING): Known {
  return {
    files: a.files + b.files,
    folders: a.folders + b.folders,
    characters: a.characters + b.characters,
  };
}

/**
 * The files below a folder of the server. Throws `ProtocolError` `bad-file-name`, `too-many-files`, `unexpected-answer`.
 */
export async function listItems(
  server: Pick<Lanes, "list">,
  folder: Folder,
): Promise<{ readonly items: Item[]; readonly known: Known }> {
  const { root, isExcluded, known = NOTHING } = folder;
  const { maxFiles = MAX_FILES, maxFolders = MAX_FOLDERS, maxNames = MAX_NAMES } = folder;
  const prefix = `${folder.name.replace(/\/$/, "")}/`;
  const left = maxNames - known.characters;
  const characters = new Count(left, "characters in the names of files and folders");
  const folderCount = new Count(maxFolders - known.folders, "folders");
  const names = new Set<string>();
  const folders = new Set<string>();
  const files: RemoteFile[] = [];
  const countFolders = (below: string) => {
    for (let at = parentOf(below); at !== "" && !folders.has(at); at = parentOf(at)) {
      folderCount.add();
      characters.add(at.length);
      folders.add(at);
    }
  };
  await server.list(prefix, (file) => {
    const { name } = file;
    if (pathNameFault(name) !== undefined) throw outside(file);
    const relative = name.slice(prefix.length);
    // What is left out counts too: patterns remember what they were compared with.
    characters.add(name.length);
    countFolders(relative);
    if (names.has(name)) throw twice(file);
    if (isExcluded(relative)) return;
    names.add(name);
    files.push(file);
  }, maxFiles - known.files);
  const targetOf = ({ name }: RemoteFile) => pathBelow(root, name.slice(prefix.length));
  return {
    items: toItems(files.map((file) => ({ file, target: targetOf(file) }))),
    known: { files: files.length, folders: folders.size, characters: characters.count },
  };
}

/** The folder of what is below another folder; empty where it is that one. */
function parentOf(below: string): string {
  return below.slice(0, Math.max(0, below.lastIndexOf("/")));
}

type Plain = Pick<Item, "file" | "target">;

function toItems(plain: readonly Plain[]): Item[] {
  const looks = new Set<string>();
  const twins = new Map<string, Twins>();
  for (const { target } of plain) {
    const look = lookOf(target);
    if (looks.has(look)) twins.set(look, new Twins());
    else looks.add(look);
  }
  const parts = new Set(plain.map(({ target }) => target).filter(isPart));
  return plain.map((known) => {
    const { file, target } = known;
    const isFree = parts.size === 0 || !parts.has(partPath(target));
    return {
      ...known,
      twins: twins.size === 0 ? undefined : twins.get(lookOf(target)),
      isResumable: file.size >= RESUMABLE && isFree,
    };
  });
}

function outside({ name }: RemoteFile): ProtocolError {
  return new ProtocolError(
    "bad-file-name",
    `The server tells of a file that can't be in this folder: ${printable(name)}`,
  );
}

function twice({ name }: RemoteFile): ProtocolError {
  return new ProtocolError("unexpected-answer", `The server tells twice of ${printable(name)}`);
}
