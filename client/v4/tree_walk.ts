/**
 * Walks a local folder in the order of a server's list: by name, where a folder's content comes at its name and a `/`.
 *
 * @module
 */
import { join } from "node:path";
import { endsAll, UsageError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { isDataFolder } from "../../protocol/server_files.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { ReservedFile, ReservedFiles } from "../identity/reserved_files.ts";
import { INDEX_FOLDER } from "../local/index_folder.ts";
import { cannotRead } from "../local/read_small_file.ts";
import { sameAccents } from "../local/sent_names.ts";
import { UNDECODABLE } from "../local/source_entry.ts";
import { checkRemoteName, FoundEntry, isAscii, isPlainFolder, isPlainName } from "./found_entry.ts";
import { compareForms } from "./name_order.ts";

/** Why something is skipped. */
export type SkipReason = "a link" | "a pipe" | "a socket" | "a device" | ReservedFile;

/** The rules for skipping, and the receivers of reports. */
export interface WalkRules {
  readonly own: ReservedFiles;
  /** Whether to skip a path below the root; a folder's path ends with `/`. */
  readonly isExcluded: (path: string) => boolean;
  /** Whether links are uploaded. */
  readonly links: boolean;
  /** Whether the user chose the name with `--as`. */
  readonly isNamed: boolean;
  /** Called with everything that is skipped for another reason, and its name on the server. */
  readonly onSkipped: (path: string, name: string, why: SkipReason) => void;
  /** Called with each path that cannot be uploaded. */
  readonly onFailure: (path: string, error: XferError) => void;
  /** Called before each entry of a folder. Throws to interrupt the walk, which can be resumed. */
  readonly check: () => void;
}

/** A local folder to walk. */
export interface LocalTree {
  readonly path: string;
  /** Its real path. */
  readonly real: string | undefined;
  /** Its name on the server; empty if it has none, and what is in it has names without it. */
  readonly name: string;
  /**
   * Reserves a name for a path. Returns whether to upload the path under it. Throws `UsageError` `same-name`.
   * Only needed if other paths of the same run have names in this folder.
   */
  readonly claim?: ((path: string, name: string) => boolean) | undefined;
}

/** A folder whose content is still to come. */
interface EnteredFolder {
  /** Its path with a separator at the end. */
  readonly prefix: string;
  /** Below the root, empty for the root. */
  readonly below: string;
  readonly name: string;
  readonly form: string;
  readonly depth: number;
  /** Whether short names in ASCII are surely allowed in it. */
  readonly isPlain: boolean;
  readonly children: readonly Child[];
  readonly ownIn: (name: string) => ReservedFile | undefined;
  /** Folders in it that were entered, by name, until their content comes. */
  readonly entered: Map<string, EnteredFolder>;
  /** The next child. */
  next: number;
  /** The key of the last child that was taken. */
  taken: string | undefined;
}

interface Child {
  /** In the form in which servers compare names; with `/` for the content of a folder. */
  readonly key: string;
  readonly entry: Deno.DirEntry;
}

/**
 * Yields a folder and everything in it. Paths that cannot be read are reported, and don't affect the rest. Memory grows
 * with the size of the largest folders, not with the number of entries. Throws as `check` does.
 */
export function walkTree(tree: LocalTree, rules: WalkRules): Iterable<FoundEntry> {
  const walk = new TreeWalk(tree, rules);
  const next = (): IteratorResult<FoundEntry, undefined> => {
    const value = walk.next();
    return value === undefined ? { done: true, value } : { done: false, value };
  };
  return { [Symbol.iterator]: () => ({ next }) };
}

class TreeWalk {
  readonly #tree: LocalTree;
  readonly #rules: WalkRules;
  /** The folders that contain the current one, and this one. */
  readonly #open: EnteredFolder[] = [];
  #isBegun = false;

  constructor(tree: LocalTree, rules: WalkRules) {
    this.#tree = tree;
    this.#rules = rules;
  }

  next(): FoundEntry | undefined {
    if (!this.#isBegun) {
      this.#isBegun = true;
      const root = this.#begin();
      if (root !== undefined) return root;
    }
    for (let folder = this.#open.at(-1); folder !== undefined; folder = this.#open.at(-1)) {
      this.#rules.check();
      const child = folder.children[folder.next++];
      if (child === undefined) {
        this.#open.pop();
        continue;
      }
      const { key, entry } = child;
      if (key.endsWith("/")) {
        const content = folder.entered.get(entry.name);
        if (content === undefined) continue;
        folder.entered.delete(entry.name);
        this.#open.push(content);
        continue;
      }
      const found = this.#visit(folder, key, entry);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #begin(): FoundEntry | undefined {
    const { path, real, name } = this.#tree;
    const { isNamed } = this.#rules;
    return this.#attempt(path, () => {
      if (isNamed || name !== "") checkRemoteName(path, name, isNamed);
      const root = this.#enter(path, "", name, comparedForm(name), name.split("/").length);
      if (root === undefined) return undefined;
      const entry = name === ""
        ? undefined
        : this.#take({ path, real, remoteName: name, form: root.form });
      if (name !== "" && entry === undefined) return undefined;
      this.#open.push(root);
      return entry;
    });
  }

  #visit(folder: EnteredFolder, key: string, entry: Deno.DirEntry): FoundEntry | undefined {
    const { name, isDirectory, isSymlink } = entry;
    const { isExcluded, links, isNamed } = this.#rules;
    const below = folder.below === "" ? name : `${folder.below}/${name}`;
    if (isExcluded(isDirectory ? `${below}/` : below)) return undefined;
    const path = folder.prefix + name;
    const remoteName = folder.name === "" ? name : `${folder.name}/${name}`;
    const own = isDirectory && name !== INDEX_FOLDER ? undefined : folder.ownIn(name);
    if (own !== undefined) return this.#skip(path, remoteName, own);
    try {
      if (folder.taken === key) throw sameAccents(path, remoteName);
      if (isSymlink && !links) return this.#skip(path, remoteName, "a link");
      if (!(folder.isPlain && isPlainName(name))) checkRemoteName(path, remoteName, isNamed);
      // Most forms are the name itself, which is then in memory once.
      const isForm = folder.form === folder.name && key === name;
      const form = isForm ? remoteName : folder.form === "" ? key : `${folder.form}/${key}`;
      const content = isDirectory
        ? this.#enter(path, below, remoteName, form, folder.depth + 1)
        : undefined;
      if (isDirectory && content === undefined) return undefined;
      const found = this.#take({ path, remoteName, form });
      if (found === undefined) return undefined;
      folder.taken = key;
      if (content !== undefined) folder.entered.set(name, content);
      return found;
    } catch (error) {
      return this.#fail(path, error);
    }
  }

  /** Lists a folder; `undefined` if it is skipped. */
  #enter(
    path: string,
    below: string,
    name: string,
    form: string,
    depth: number,
  ): EnteredFolder | undefined {
    const entries = readFolder(path);
    const names = new Set(entries.map(({ name }) => name));
    const hasName = (name: string) => names.has(name);
    if (isDataFolder(hasName)) return this.#skip(path, name, "a server's data folder");
    const { real } = this.#tree;
    const ownIn = this.#rules.own.in(real && join(real, below), hasName);
    const children = inOrder(entries);
    const ownDepth = name === "" ? 0 : depth;
    return {
      ...{ prefix: prefixOf(path), below, name, form, ownIn, children },
      ...{ next: 0, taken: undefined, depth: ownDepth },
      isPlain: isPlainFolder(name, ownDepth + 1),
      entered: new Map(),
    };
  }

  /** Inspects an entry and claims its name. */
  #take(place: Parameters<typeof FoundEntry.inspect>[0]): FoundEntry | undefined {
    const { path, remoteName } = place;
    const entry = FoundEntry.inspect(place);
    if (typeof entry === "string") {
      const why = entry === "pipe" ? "a pipe" : entry === "socket" ? "a socket" : "a device";
      return this.#skip(path, remoteName, why);
    }
    if (entry.kind === "file" && this.#rules.own.isKeyAt(path, entry.stat.inode)) {
      return this.#skip(path, remoteName, "one of xfer's own files");
    }
    return this.#tree.claim?.(path, remoteName) === false ? undefined : entry;
  }

  #skip(path: string, name: string, why: SkipReason): undefined {
    this.#rules.onSkipped(path, name, why);
  }

  /** Runs work for a path and reports its failure. Throws errors that concern more than this path. */
  #attempt<T>(path: string, work: () => T | undefined): T | undefined {
    try {
      return work();
    } catch (error) {
      return this.#fail(path, error);
    }
  }

  #fail(path: string, error: unknown): undefined {
    if (endsAll(error) || !(error instanceof XferError)) throw error;
    this.#rules.onFailure(path, failureAt(path, error));
  }
}

/** Joins once for all names in a folder. */
function prefixOf(path: string): string {
  return join(path, "x").slice(0, -1);
}

/** The children of a folder in the order of a server's list. */
function inOrder(entries: readonly Deno.DirEntry[]): Child[] {
  const children: Child[] = [];
  let areAscii = true;
  for (const entry of entries) {
    const hasAscii = isAscii(entry.name);
    areAscii &&= hasAscii;
    const key = hasAscii ? entry.name : comparedForm(entry.name);
    children.push({ key, entry });
    if (entry.isDirectory) children.push({ key: `${key}/`, entry });
  }
  // Different ASCII names have different keys, which are ordered by their units.
  if (areAscii) return children.sort((a, b) => a.key < b.key ? -1 : 1);
  return children.sort((a, b) =>
    compareForms(a.key, b.key) || (a.entry.name < b.entry.name ? -1 : 1)
  );
}

function readFolder(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (cause) {
    throw cannotRead(path, cause, "Check its permissions, or skip it with --exclude PATTERN.");
  }
}

/** The error for a path that cannot be uploaded: Deno finds nothing at a name that is not UTF-8. */
export function failureAt(path: string, error: XferError): XferError {
  const { cause } = error;
  const isUndecodable = cause instanceof Deno.errors.NotFound && path.includes(UNDECODABLE);
  return isUndecodable ? notUtf8(path) : error;
}

/** No option helps: Deno cannot open the file by this name. */
function notUtf8(path: string): UsageError {
  return new UsageError(
    "bad-file-name",
    `cannot upload ${printable(path)}: its name is not UTF-8`,
    { hint: "Rename it, or skip it with --exclude PATTERN." },
  );
}
