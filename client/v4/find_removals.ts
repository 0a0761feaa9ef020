/**
 * Finds what a mirror removes: entries on the server, in the folders that the user named, that are missing here.
 *
 * @module
 */
import { throwIfAborted } from "../../protocol/abort.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import { type CollectedFiles, excluder } from "./collect_files.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { foldersAbove } from "./implicit_folders.ts";
import { compareForms } from "./name_order.ts";
import { deepestFirst, type FolderRemovals, type RemoteName } from "./put_plan.ts";
import { RemoteCursor, type RemoteEntry } from "./remote_cursor.ts";

/** The entries that a mirror would remove. */
export interface Removals {
  readonly folders: readonly FolderRemovals[];
  /** Names, as servers compare them, of those that are below the name of a file or a link here. */
  readonly blocking: ReadonlySet<string>;
  /** Whether anything here could not be read: then nothing may be removed. */
  readonly hasFailures: boolean;
}

/**
 * Walks the folders and lists them on the server, without reading any file. Memory grows with the number of entries to
 * remove, and of folders on the server. Throws as {@link ConnectionPool.list} does; `InterruptedError` after an abort.
 */
export async function findRemovals(
  pool: ConnectionPool,
  collected: CollectedFiles,
  exclude: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Removals> {
  const found = new RemovalFinder(pool, collected, excluder(exclude), signal);
  return await found.find();
}

class RemovalFinder {
  readonly #pool: ConnectionPool;
  readonly #collected: CollectedFiles;
  readonly #isExcluded: (path: string) => boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #folders: FolderRemovals[] = [];
  readonly #blocking = new Set<string>();
  /** Names of skipped entries, as servers compare names. */
  readonly #skipped = new Set<string>();
  /** Names of all entries here, if folders share names. One folder is then not enough to know which are missing. */
  #here: Set<string> | undefined;
  #hasFailures: boolean;

  constructor(
    pool: ConnectionPool,
    collected: CollectedFiles,
    isExcluded: (path: string) => boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#pool = pool;
    this.#collected = collected;
    this.#isExcluded = isExcluded;
    this.#signal = signal;
    this.#hasFailures = collected.failures.length > 0;
  }

  async find(): Promise<Removals> {
    if (this.#collected.hasSharedFolders) {
      const here = new Set<string>();
      for (const { entries } of this.#sections()) for (const { form } of entries) here.add(form);
      this.#here = here;
    }
    for (const { folder, entries } of this.#sections()) {
      if (folder !== undefined) await this.#compare(folder, entries);
      else for (const _ of entries) throwIfAborted(this.#signal);
    }
    return { folders: this.#folders, blocking: this.#blocking, hasFailures: this.#hasFailures };
  }

  #sections() {
    return this.#collected.sections({
      onSkipped: (_path, name) => void this.#skipped.add(comparedForm(name)),
      onFailure: () => void (this.#hasFailures = true),
      check: () => throwIfAborted(this.#signal),
    });
  }

  async #compare(
    folder: string,
    entries: Iterable<{ readonly form: string; readonly kind: RemoteName["kind"] }>,
  ): Promise<void> {
    using remote = new RemoteCursor(this.#pool, folder === "" ? "" : `${folder}/`);
    const missing = new MissingEntries(
      folder,
      (entry, path) =>
        this.#here?.has(entry.form) === true || this.#isExcluded(path) ||
        [...foldersAbove(entry.form), entry.form].some((name) => this.#skipped.has(name)),
    );
    /** Files and links here at whose names the server may have folders. */
    let leaves: string[] = [];
    const pass = (entry: RemoteEntry) => {
      leaves = leaves.filter((leaf) => mayBeAbove(leaf, entry));
      if (!missing.add(entry)) return;
      const isBelow = leaves.some((leaf) => entry.form.startsWith(`${leaf}/`));
      if (isBelow) this.#blocking.add(entry.form);
    };
    for (const { form, kind } of entries) {
      while (!remote.seek(form, pass)) await remote.more();
      const { current } = remote;
      if (current?.form === form) {
        missing.keep(current);
        remote.skip();
      }
      if (kind !== "folder") leaves.push(form);
      const next = remote.current;
      if (remote.hasEnded) leaves = [];
      else if (next !== undefined) leaves = leaves.filter((leaf) => mayBeAbove(leaf, next));
    }
    await remote.passAll(pass);
    this.#folders.push(missing.removals());
  }
}

/** Whether an entry of the list, or one after it, may be below a name. */
function mayBeAbove(name: string, { form }: RemoteEntry): boolean {
  return form.startsWith(`${name}/`) || compareForms(form, `${name}/`) < 0;
}

/** The entries of a folder on the server that are missing here. */
class MissingEntries {
  readonly #folder: string;
  readonly #stays: (entry: RemoteEntry, path: string) => boolean;
  readonly #missing: RemoteName[] = [];
  /** Folders with something in them that stays. */
  readonly #needed = new Set<string>();
  #total = 0;
  /** The folder of the last entry that stays. */
  #last = "";

  constructor(folder: string, stays: (entry: RemoteEntry, path: string) => boolean) {
    this.#folder = folder;
    this.#stays = stays;
  }

  /** Counts an entry that is here too. */
  keep({ form }: RemoteEntry): void {
    this.#total++;
    const folder = form.slice(0, Math.max(0, form.lastIndexOf("/")));
    if (folder === this.#last) return;
    this.#last = folder;
    for (const above of foldersAbove(form)) this.#needed.add(above);
  }

  /** Adds an entry that is missing here. Returns `false` if it stays anyway. */
  add(entry: RemoteEntry): boolean {
    const { name, file } = entry;
    const kind = file?.entry ?? "file";
    const path = name.slice(this.#folder === "" ? 0 : this.#folder.length + 1);
    if (this.#stays(entry, kind === "folder" ? `${path}/` : path)) {
      this.keep(entry);
      return false;
    }
    this.#total++;
    this.#missing.push({ name, kind });
    return true;
  }

  removals(): FolderRemovals {
    const entries = this.#missing.filter(({ name }) => !this.#needed.has(comparedForm(name)));
    return { folder: this.#folder, total: this.#total, entries: entries.toSorted(deepestFirst) };
  }
}
