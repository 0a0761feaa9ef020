/**
 * The local folders of a recursive download.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { syncNames, writing } from "./partial_file.ts";
import { makeFolder, notAFolder } from "./target_folder.ts";

/** Checks each folder once, creates it when its first file arrives, and syncs it once at the end. */
export class TargetTree {
  readonly #root: string;
  /** Whether each checked folder exists. */
  readonly #seen = new Map<string, Promise<boolean>>();
  readonly #made = new Map<string, Promise<void>>();
  /** Folders with new names. */
  readonly #changed = new Set<string>();

  /** `root`: as `dirname` returns it. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Returns whether a folder exists. Throws `UsageError` `through-link` if it is a link or below one, because the
   * server's names must not lead anywhere else; `target-exists` if a file is in its place, or in that of a folder
   * above.
   */
  check(folder: string): Promise<boolean> {
    return once(this.#seen, folder, () => this.#check(folder));
  }

  /** Creates a missing folder and those above it. Throws as `check` does, and `StorageError` `cannot-write`. */
  make(folder: string): Promise<void> {
    return once(this.#made, folder, () => this.#make(folder));
  }

  /** Makes the new names in the folders durable, in as many as possible. Throws `StorageError` `cannot-write`. */
  async sync(): Promise<void> {
    let failure: unknown;
    for (const folder of this.#changed) {
      await syncNames(folder).catch((error) => failure ??= error);
    }
    this.#changed.clear();
    if (failure !== undefined) throw failure;
  }

  async #check(folder: string): Promise<boolean> {
    // The user chose the root, which may be a link.
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
      // The folder may exist by now, perhaps under a name that differs in case.
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
    `cannot write below ${printable(folder)}: it is a symbolic link`,
    { hint: "To download into it, name the folder that the link points to with -o PATH." },
  );
}
