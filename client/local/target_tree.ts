/**
 * The local folders of a recursive download.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { modeOf } from "./file_metadata.ts";
import type { FileSync } from "./file_sync.ts";
import { findLink } from "./find_link.ts";
import { cannotWrite, writing } from "./partial_file.ts";
import { cannotRead } from "./read_small_file.ts";
import { type Attributes, type TargetAttributes, UNKNOWN_ATTRIBUTES } from "./target_attributes.ts";
import { removeLeftovers } from "./temporary_files.ts";
import {
  checkFolder,
  isFolder,
  makeFolder,
  notAFolder,
  type TargetFolder,
} from "./target_folder.ts";

/**
 * Checks each folder once, creates it when its first entry arrives, and syncs it once at the end. New folders are
 * private until then.
 */
export class TargetTree {
  readonly #root: TargetFolder;
  readonly #attributes: TargetAttributes;
  readonly #sync: Pick<FileSync, "open" | "folders">;
  /** Whether each checked folder exists. */
  readonly #seen = new Map<string, Promise<boolean>>();
  readonly #found = new Map<string, boolean>();
  readonly #made = new Map<string, Promise<void>>();
  /** Folders that files can be written to. */
  readonly #ready = new Set<string>();
  /** Folders that this run has created. */
  readonly #new = new Set<string>();
  /** The attributes of folders, as the server has them. */
  readonly #known = new Map<string, Attributes>();
  /** The modes of folders that their owner can use only until the end. */
  readonly #opened = new Map<string, number>();
  /** Paths of entries that the run replaces by others of another kind. */
  #replaced: ReadonlySet<string> = new Set();
  /** Folders with new names. */
  readonly #changed = new Set<string>();

  /** The user chose the root, which may be a link. Its path is as `dirname` returns it. */
  constructor(
    root: TargetFolder,
    attributes: TargetAttributes,
    sync: Pick<FileSync, "open" | "folders">,
  ) {
    this.#root = root;
    this.#attributes = attributes;
    this.#sync = sync;
  }

  /** Treats what is at these paths as missing. The run removes it before it writes anything. Called before `check`. */
  replace(paths: ReadonlySet<string>): void {
    this.#replaced = paths;
  }

  /** Whether what is at a path is treated as missing. */
  isReplaced(path: string): boolean {
    return this.#replaced.has(path);
  }

  /**
   * Returns whether a folder exists. Throws `UsageError` `through-link` if it is a link or below one, because the
   * server's names must not lead anywhere else; `target-exists` if a file is in its place, or in that of a folder
   * above; `StorageError` `cannot-write` if the root is missing and not to be created.
   */
  check(folder: string): Promise<boolean> {
    return once(this.#seen, folder, async () => {
      const isThere = await this.#check(folder);
      this.#found.set(folder, isThere);
      return isThere;
    });
  }

  /** The result of `check` for a folder; `undefined` if it has not ended well. */
  known(folder: string): boolean | undefined {
    return this.#found.get(folder);
  }

  /** Creates a missing folder and those above it. Throws as `check` does, and `StorageError` `cannot-write`. */
  make(folder: string): Promise<void> {
    return once(this.#made, folder, () => this.#make(folder));
  }

  /** Whether `make` has ended for a folder. */
  isReady(folder: string): boolean {
    return this.#ready.has(folder);
  }

  /** Throws `UsageError` `through-link` if a folder has become a link since it was checked. */
  guard(folder: string): void {
    const link = findLink(folder, this.#root.path);
    if (link !== undefined) throw throughLink(link);
  }

  /** Records the attributes of a folder, for {@link TargetTree.finish}. */
  describe(folder: string, attributes: Attributes): void {
    this.#known.set(folder, attributes);
  }

  /**
   * Prepares a folder for new or removed names: one whose attributes are known stays writable for its owner until the
   * end. `isTemporary`: the folder will be deleted, too.
   */
  open(folder: string, isTemporary = false): void {
    this.#noteChanged(folder);
    if (isTemporary || this.#known.has(folder)) this.#unlock(folder);
  }

  /**
   * Lets the owner of existing folders list and enter them until the end, so that what is in them can be compared.
   * Folders that the user may not change stay as they are, and so does everything below a link.
   */
  unlock(folders: Iterable<string>): void {
    for (const folder of innerFirst(folders).reverse()) {
      if (!this.#isBelowLink(folder)) this.#unlock(folder, USABLE);
    }
  }

  /** Gives the owner all permissions if one of `needed` is missing. */
  #unlock(folder: string, needed = OWNER): void {
    if (folder === this.#root.path || this.#opened.has(folder)) return;
    const info = inspectSync(folder);
    const mode = info === undefined || !info.isDirectory ? undefined : modeOf(info);
    if (mode === undefined || (mode & needed) === needed) return;
    try {
      Deno.chmodSync(folder, mode | OWNER);
      this.#opened.set(folder, mode);
    } catch {
      return; // the error of the next call is more exact
    }
  }

  /**
   * Makes the new names in the folders durable, in as many as possible, and then sets the attributes of the folders,
   * which can make them read-only. `isComplete`: whether nothing is missing in them; otherwise new folders stay writable
   * for their owner, so that a later run can complete them. Throws `StorageError` `cannot-write`.
   */
  async finish(isComplete: boolean): Promise<void> {
    const changed = [...this.#changed].filter((folder) => this.#isFolder(folder));
    this.#changed.clear();
    await this.#removeLeftovers();
    const [failure] = await this.#sync.folders(changed);
    const folders = new Set([...this.#new, ...this.#known.keys()]);
    for (const folder of innerFirst(folders)) {
      // A folder below a link is elsewhere.
      if (inspectSync(folder)?.isDirectory !== true || this.#isBelowLink(folder)) continue;
      await this.#setAttributes(folder, isComplete);
    }
    this.close();
    if (failure !== undefined) throw cannotWrite(...failure);
  }

  /** Also in folders in which nothing has changed: the run after a killed one may have completed them. */
  async #removeLeftovers(): Promise<void> {
    for (const [folder, wasThere] of this.#found) {
      if (!wasThere || !this.#isFolder(folder) || this.#isBelowLink(folder)) continue;
      await removeLeftovers(folder);
    }
  }

  /** Sets the modes of the folders back that are still open. Errors don't matter: a later run sets them, too. */
  close(): void {
    for (const folder of innerFirst(this.#opened.keys())) {
      if (inspectSync(folder)?.isDirectory === true && !this.#isBelowLink(folder)) {
        this.#lock(folder);
      }
    }
  }

  #lock(folder: string): void {
    const mode = this.#opened.get(folder);
    this.#opened.delete(folder);
    try {
      if (mode !== undefined) Deno.chmodSync(folder, mode);
    } catch {
      return;
    }
  }

  #isBelowLink(folder: string): boolean {
    try {
      this.guard(folder);
      return false;
    } catch {
      return true;
    }
  }

  async #setAttributes(folder: string, isComplete: boolean): Promise<void> {
    const known = this.#known.get(folder) ?? UNKNOWN_ATTRIBUTES;
    const mode = isComplete || known.mode === undefined ? known.mode : known.mode | OWNER;
    if (this.#new.has(folder)) {
      return await this.#attributes.apply(folder, "folder", { ...known, mode });
    }
    // An existing folder that the user chose keeps its attributes.
    if (folder === this.#root.path) return;
    this.#lock(folder);
    await this.#attributes.refresh(folder, "folder", known);
  }

  async #check(folder: string): Promise<boolean> {
    if (folder === this.#root.path) {
      await checkFolder(this.#root);
      return await isFolder(folder);
    }
    if (!(await this.check(dirname(folder))) || this.#replaced.has(folder)) return false;
    return isFolderThere(folder);
  }

  async #make(folder: string): Promise<void> {
    const above = dirname(folder);
    if (!(await this.check(folder))) {
      if (folder === this.#root.path) await makeFolder(above);
      else await this.make(above);
      this.#noteChanged(above);
      await writing(folder, () => this.#makeMissing(folder));
    }
    this.open(folder);
    this.#ready.add(folder);
  }

  /** Records that a folder gets new names, before it does. */
  #noteChanged(folder: string): void {
    if (this.#changed.has(folder)) return;
    this.#changed.add(folder);
    const info = inspectSync(folder, { stat: Deno.statSync });
    if (info !== undefined) this.#sync.open(folder, info.dev);
  }

  /** Whether a folder is still there: a mirror may have deleted or replaced it. The root may be a link. */
  #isFolder(folder: string): boolean {
    const isBelow = folder.length > this.#root.path.length;
    const info = inspectSync(folder, { stat: isBelow ? Deno.lstatSync : Deno.statSync });
    return info?.isDirectory === true;
  }

  async #makeMissing(folder: string): Promise<void> {
    try {
      await Deno.mkdir(folder, { mode: 0o700 });
      this.#new.add(folder);
    } catch (error) {
      // The folder may exist by now, perhaps under a name that differs in case.
      const isThere = folder === this.#root.path ? await isFolder(folder) : isFolderThere(folder);
      if (!isThere) throw error;
    }
  }
}

/** The permissions of a folder's owner: to list it, to change it, and to use what is in it. */
const OWNER = 0o700;
/** Those of them that a folder needs so that its entries can be compared. */
const USABLE = 0o500;

/** The longer paths first, so that a folder comes after those in it. */
function innerFirst(folders: Iterable<string>): string[] {
  return [...folders].sort((a, b) => b.length - a.length);
}

/**
 * Throws `UsageError` `through-link`, `target-exists` if something else is there; `StorageError` `cannot-read` if the
 * user may not see it.
 */
function isFolderThere(path: string): boolean {
  const info = inspectSync(path, {
    onDenied(error) {
      throw cannotRead(path, error, "Check the permissions of the folder that it is in.");
    },
  });
  if (info?.isSymlink === true) throw throughLink(path);
  if (info?.isDirectory === false) throw notAFolder(path, info);
  return info !== undefined;
}

function inspectSync(
  path: string,
  { stat = Deno.lstatSync, onDenied }: {
    readonly stat?: (path: string) => Deno.FileInfo;
    readonly onDenied?: (error: unknown) => void;
  } = {},
): Deno.FileInfo | undefined {
  try {
    return stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) onDenied?.(error);
    return undefined; // no such file
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const begun = work();
  known.set(key, begun);
  // Each caller gets the error from its own await.
  begun.catch(() => undefined);
  return begun;
}

function throughLink(folder: string): UsageError {
  return new UsageError(
    "through-link",
    `cannot write below ${printable(folder)}: it is a symbolic link`,
    { hint: "To download into it, name the folder that the link points to with -o PATH." },
  );
}
