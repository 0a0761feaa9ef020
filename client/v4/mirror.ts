/**
 * Deletes local entries that the server does not have. Links are never followed. xfer's own files, pipes, sockets and
 * devices stay.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { EntryKind } from "../../protocol/entry.ts";
import { isDataFolder } from "../../protocol/server_files.ts";
import { UsageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { ReservedFile, ReservedFiles } from "../identity/reserved_files.ts";
import { foldCase } from "../local/case_collisions.ts";
import { realPath } from "../local/named_path.ts";
import { writing } from "../local/partial_file.ts";
import { isLeftover } from "../local/temporary_files.ts";
import { cannotRead } from "../local/read_small_file.ts";
import type { TargetTree } from "../local/target_tree.ts";
import { type GetItems, STATES } from "./get_items.ts";
import type { ListedFolder } from "./get_listing.ts";

/** The most entries of a local folder, because all are known before the first is deleted. */
const MAX_ENTRIES = 1_000_000;

/** A local entry that the server does not have. */
export interface ExtraEntry {
  /** The name that it would have on the server. */
  readonly name: string;
  readonly path: string;
}

export interface ExtraEntries {
  /** Each before the folder that it is in. */
  readonly extra: readonly ExtraEntry[];
  /**
   * Paths of files and links where the server has a folder, and of folders where it has a file or link and everything in
   * them is extra.
   */
  readonly replaced: readonly string[];
  /** The number of all entries in the folder, without those that stay in any case. */
  readonly total: number;
}

/** The kinds of entries that the server has, by path. */
export type Kinds = ReadonlyMap<string, EntryKind | "skipped">;

/**
 * The kinds of the paths that a download writes below `root`, with all folders above them. This and the search take
 * memory for each path.
 */
export function kindsOf(items: GetItems, root: string): Kinds {
  const kinds = new Map<string, EntryKind | "skipped">();
  for (const { target } of items.inState(STATES.skipped)) kinds.set(target, "skipped");
  for (const { file: { entry }, target } of items.inState(STATES.listed)) {
    kinds.set(target, entry);
    for (const at of pathsUpTo(root, dirname(target))) {
      if (kinds.has(at)) break;
      kinds.set(at, "folder");
    }
  }
  return kinds;
}

/** A path and those above it, without `root`. */
function* pathsUpTo(root: string, path: string): Generator<string, void, void> {
  for (let at = path, above = dirname(at); at !== root && at !== above; above = dirname(at)) {
    yield at;
    at = above;
  }
}

/**
 * Finds what to delete in a folder. `kinds`: of the paths that the server has. Throws `StorageError` `cannot-read`,
 * `UsageError` `too-many-files`.
 */
export async function findExtra(
  folder: ListedFolder,
  own: ReservedFiles,
  kinds: Kinds,
): Promise<ExtraEntries> {
  const search = new Search(folder, own, kinds);
  const info = await Deno.stat(folder.root).catch(() => undefined);
  if (info?.isDirectory === true) await search.walk("", await realPath(folder.root));
  return search;
}

/**
 * Deletes an entry, not what it leads to. `all`: the paths of all entries to delete. Throws `UsageError` `through-link`,
 * `StorageError` `cannot-write`.
 */
export async function deleteExtra(
  path: string,
  all: ReadonlySet<string>,
  tree: TargetTree,
): Promise<void> {
  const folder = dirname(path);
  await writing(path, async () => {
    tree.guard(folder);
    tree.open(folder, all.has(folder));
    // Only an empty folder: what was added since the search stays.
    await Deno.remove(path);
  });
}

class Search implements ExtraEntries {
  readonly extra: ExtraEntry[] = [];
  readonly replaced: string[] = [];
  total = 0;
  readonly #folder: ListedFolder;
  readonly #own: ReservedFiles;
  readonly #kinds: Kinds;
  /** The paths of `kinds` by themselves with case folded. */
  readonly #folded = new Map<string, string>();

  constructor(
    folder: ListedFolder,
    own: ReservedFiles,
    kinds: Kinds,
  ) {
    this.#folder = folder;
    this.#own = own;
    this.#kinds = kinds;
    for (const path of kinds.keys()) this.#folded.set(foldCase(path), path);
  }

  /** Searches a folder by its path below the root. Returns whether the server has nothing in it, and all can be deleted. */
  async walk(below: string, real: string | undefined): Promise<boolean> {
    const { root, name: folderName, isExcluded } = this.#folder;
    const here = join(root, below);
    const entries = await readFolder(here);
    const names = new Set(entries.map(({ name }) => name));
    const hasName = (name: string) => names.has(name);
    if (isDataFolder(hasName)) return false;
    const ownIn = this.#own.in(real, hasName);
    let isAllExtra = true;
    for (const entry of entries) {
      const { name, isDirectory } = entry;
      const inner = below === "" ? name : `${below}/${name}`;
      const path = join(here, name);
      const stays = this.#kinds.get(path) === "skipped" ||
        !isDirectory && (isOther(entry) || await this.#isOwn(path, ownIn(name)));
      if (stays || isExcluded(isDirectory ? `${inner}/` : inner)) {
        isAllExtra = false;
        continue;
      }
      if (++this.total > MAX_ENTRIES) throw tooMany(root);
      const isEmptied = !isDirectory || await this.walk(inner, real && join(real, name));
      if (isEmptied && this.#isReplaced(path, entry)) this.replaced.push(path);
      if (!isEmptied || await this.#isKept(path)) isAllExtra = false;
      else this.extra.push({ path, name: folderName === "." ? inner : `${folderName}/${inner}` });
    }
    return isAllExtra;
  }

  /** Whether something of another kind is downloaded to a path. */
  #isReplaced(path: string, { isDirectory }: Deno.DirEntry): boolean {
    const kind = this.#kinds.get(path);
    return kind !== undefined && (kind === "folder") !== isDirectory;
  }

  /** Whether a path is one that the server has, or the same file on this file system. */
  async #isKept(path: string): Promise<boolean> {
    if (this.#kinds.has(path)) return true;
    const other = this.#folded.get(foldCase(path));
    if (other === undefined) return false;
    const [a, b] = await Promise.all(
      [path, other].map((path) => Deno.lstat(path).catch(() => undefined)),
    );
    return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
  }

  /** Whether a file is xfer's own, but not one that a killed download has left. */
  async #isOwn(path: string, reserved: ReservedFile | undefined): Promise<boolean> {
    if (reserved !== undefined) return !(await isLeftover(path));
    const info = await Deno.lstat(path).catch(() => undefined);
    return info !== undefined && this.#own.isKey(info);
  }
}

/** Whether an entry is a pipe, a socket or a device. Uploads skip it, so that the server cannot have it. */
function isOther({ isDirectory, isFile, isSymlink }: Deno.DirEntry): boolean {
  return !isDirectory && !isFile && !isSymlink;
}

async function readFolder(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (cause) {
    throw cannotRead(path, cause, "Check its permissions, or skip it with --exclude PATTERN.");
  }
}

function tooMany(root: string): UsageError {
  return new UsageError(
    "too-many-files",
    `cannot mirror ${printable(root)}: it has more than ${MAX_ENTRIES} entries`,
    { hint: "Mirror its folders one by one." },
  );
}
