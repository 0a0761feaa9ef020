/**
 * The folders below a root that files of the server come into.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { syncNames, writing } from "./partial_file.ts";
import { makeFolder, notAFolder } from "./target_folder.ts";

/** Checks each folder once, makes it when its first file arrives, and syncs it once at the end. */
export class TargetTree {
  readonly #root: string;
  /** Of the folders that were checked: whether they exist. */
  readonly #seen = new Map<string, Promise<boolean>>();
  readonly #made = new Map<string, Promise<void>>();
  /** Folders in which names are new. */
  readonly #changed = new Set<string>();

  /** `root` is as `dirname` has it. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Whether a folder is there. Throws `UsageError` `through-link` where it is a link or below one: what a server names
   * may not be written to wherever that leads; `target-exists` where a file is in the place of it, or of one above it.
   */
  check(folder: string): Promise<boolean> {
    return once(this.#seen, folder, () => this.#check(folder));
  }

  /** Makes a folder that is missing, and those above it. Throws as `look` does, and `StorageError` `cannot-write`. */
  make(folder: string): Promise<void> {
    return once(this.#made, folder, () => this.#make(folder));
  }

  /** Makes durable what is new in the folders: all that can be. Throws `StorageError` `cannot-write`. */
  async sync(): Promise<void> {
    let failure: unknown;
    for (const folder of this.#changed) {
      await syncNames(folder).catch((error) => failure ??= error);
    }
    this.#changed.clear();
    if (failure !== undefined) throw failure;
  }

  async #check(folder: string): Promise<boolean> {
    // The root is the user's own choice, wherever a link of that name leads.
    if (folder === this.#root) return true;
    if (!(await this.check(dirname(folder)))) return false;
    const info = await Deno.lstat(folder).catch(() => undefined);
    if (info?.isSymlink === true) throw throughLink(folder);
    if (info?.isDirectory === false) throw notAFolder(folder, info);
    return info !== undefined;
  }

  async #make(folder: string): Promise<void> {
    const above = dirname(folder);
    if (folder === this.#root) {
      await makeFolder(folder);
      this.#changed.add(above);
    } else {
      await this.make(above);
      if (!(await this.check(folder))) {
        await writing(folder, () => this.#makeMissing(folder));
        this.#changed.add(above);
      }
    }
    this.#changed.add(folder);
  }

  async #makeMissing(folder: string): Promise<void> {
    try {
      await Deno.mkdir(folder);
    } catch (error) {
      // It may have come meanwhile: where capitals and small letters are the same, under another name.
      if (!(await this.#check(folder))) throw error;
    }
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
    `${printable(folder)} is a link, and nothing is written through links`,
    { hint: "To download what is below it, name the folder that it leads to: -o PATH." },
  );
}
