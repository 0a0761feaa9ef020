/**
 * What there is to be got of a folder, and where it is to be: a server's names must lead nowhere else.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable, ProtocolError, UsageError } from "../../protocol/mod.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { pathBelow } from "../local_paths.ts";
import { isPart, partPath } from "./part_file.ts";
import { RESUMABLE } from "./put_request.ts";
import { Count, type RemoteFile } from "./remote_file.ts";
import type { SecureClient } from "./secure_client.ts";
import { makeFolder } from "./target_folder.ts";

/** Files that one run gets, at most: all are known before the first is got, and take about a kilobyte each. */
export const MAX_FILES = 1_000_000;
/** Characters that their names have in all, at most: such of the longest names take five times as many bytes. */
export const MAX_NAMES = 128 * 1024 * 1024;

export interface Item {
  readonly file: RemoteFile;
  readonly target: string;
  /** This one and others that may be one file where capitals and small letters are the same. */
  readonly twins: readonly Item[] | undefined;
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
  readonly maxNames?: number;
}

/** Files, and the characters of their names, that are kept in memory. */
export interface Known {
  readonly files: number;
  readonly characters: number;
}

export function knownOf(items: readonly Plain[]): Known {
  const characters = items.reduce((sum, { file }) => sum + file.name.length, 0);
  return { files: items.length, characters };
}

export function sumOf(a: Known, b: Known = { files: 0, characters: 0 }): Known {
  return { files: a.files + b.files, characters: a.characters + b.characters };
}

/**
 * The files below a folder of the server. Throws `ProtocolError` `bad-file-name`, `too-many-files`, `unexpected-answer`.
 */
export async function listItems(client: SecureClient, folder: Folder): Promise<Item[]> {
  const { root, isExcluded, maxFiles = MAX_FILES, maxNames = MAX_NAMES, known } = folder;
  const prefix = `${folder.name.replace(/\/$/, "")}/`;
  const room = maxNames - (known?.characters ?? 0);
  const characters = new Count(room, "characters in the names of files");
  const names = new Set<string>();
  const files: RemoteFile[] = [];
  await client.list(prefix, (file) => {
    // What is left out counts too: patterns remember what they were compared with.
    characters.add(file.name.length);
    const relative = file.name.slice(prefix.length);
    if (pathNameFault(relative) !== undefined) throw outside(file);
    if (names.has(file.name)) throw twice(file);
    if (isExcluded(relative)) return;
    names.add(file.name);
    files.push(file);
  }, maxFiles - (known?.files ?? 0));
  const targetOf = ({ name }: RemoteFile) => pathBelow(root, name.slice(prefix.length));
  return toItems(files.map((file) => ({ file, target: targetOf(file) })));
}

type Plain = Pick<Item, "file" | "target">;

function toItems(plain: readonly Plain[]): Item[] {
  const first = new Map<string, Plain>();
  const twins = new Map<string, Item[]>();
  for (const item of plain) {
    const look = lookOf(item);
    if (first.has(look)) twins.set(look, []);
    else first.set(look, item);
  }
  const parts = new Set(plain.map(({ target }) => target).filter(isPart));
  return plain.map((known) => {
    const together = twins.size === 0 ? undefined : twins.get(lookOf(known));
    const isLarge = known.file.size >= RESUMABLE;
    const isResumable = isLarge && (parts.size === 0 || !parts.has(partPath(known.target)));
    const item = { ...known, twins: together, isResumable };
    together?.push(item);
    return item;
  });
}

function lookOf({ target }: Plain): string {
  return target.toUpperCase().toLowerCase();
}

/** Throws `UsageError` `same-name` where an item would replace one that is here by now, being one file with it. */
export async function refuseTwin(item: Item, isHere: (twin: Item) => boolean): Promise<void> {
  for (const twin of item.twins ?? []) {
    if (twin === item || !isHere(twin) || !(await isOneFile(item.target, twin.target))) continue;
    throw new UsageError(
      "same-name",
      `${printable(item.target)} and ${printable(twin.target)} are one file on this file system`,
      { hint: "Get one of them by itself, under another name: -o PATH." },
    );
  }
}

async function isOneFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all(
    [a, b].map((path) =>
      Promise.all([Deno.lstat(path), Deno.realPath(path)]).catch(() => undefined)
    ),
  );
  if (one === undefined || other === undefined) return false;
  const [{ dev, ino }, path] = one;
  // Not every system numbers its files.
  return path === other[1] || (ino !== null && ino === other[0].ino && dev === other[0].dev);
}

/**
 * Throws `UsageError` `through-link` where a folder below the root is a link: what a server names may not be written
 * to wherever that leads.
 */
export async function refuseLinks(root: string, items: readonly Plain[]): Promise<void> {
  const seen = new Set([root]);
  for (const { target } of items) {
    for (let folder = dirname(target); !seen.has(folder); folder = dirname(folder)) {
      seen.add(folder);
      const info = await Deno.lstat(folder).catch(() => undefined);
      if (info?.isSymlink !== true) continue;
      throw new UsageError(
        "through-link",
        `${printable(folder)} is a link, through which nothing is written`,
        { hint: "Nothing was got. Get what is below it by itself, into where it leads: -o PATH." },
      );
    }
  }
}

/**
 * Makes the folders that files are to be in; returns those in which names will be new, the innermost first. Throws
 * `UsageError` `target-exists` where a file is in the place of one, `StorageError` `cannot-write`.
 */
export async function makeFolders(root: string, items: readonly Plain[]): Promise<string[]> {
  const folders = new Set<string>();
  for (const { target } of items) folders.add(dirname(target));
  for (const folder of folders) {
    await makeFolder(folder);
  }
  if (items.length === 0) return [];
  for (const folder of [...folders]) {
    for (let above = folder; above !== dirname(root); above = dirname(above)) folders.add(above);
  }
  folders.add(dirname(root));
  return [...folders].sort((a, b) => b.length - a.length);
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
