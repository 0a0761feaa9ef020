/**
 * Collects the local files, folders and links at the paths that a user names.
 *
 * @module
 */
import { resolve } from "node:path";
import ignore from "ignore";
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { endsAll, UsageError, XferError } from "../../protocol/errors.ts";
import { withoutEndSlashes } from "../../protocol/file_name.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { Failure } from "../events.ts";
import { ReservedFiles } from "../identity/reserved_files.ts";
import { inspectPath, type NamedPath } from "../local/named_path.ts";
import { endsAsFolder, nameOnServer, wholeNameOnServer } from "../local/path_mapping.ts";
import { SentNames } from "../local/sent_names.ts";
import { SourceFile } from "../local/source_file.ts";
import { foldersAbove } from "./implicit_folders.ts";
import { checkRemoteName, FoundEntry, placeOf } from "./found_entry.ts";
import { failureAt, type SkipReason, type WalkRules, walkTree } from "./tree_walk.ts";

/** The local files, folders and links to upload. */
export interface FileSelection {
  /**
   * Paths of files and links, and of folders with everything in them. A link is uploaded as a link, unless its path
   * ends as that of a folder does.
   */
  readonly paths: readonly string[];
  /**
   * The name on the server, if only one path is given; that of a folder may end with `/`. Default: the last component
   * of the path.
   */
  readonly as?: string | undefined;
  /** Whether the whole path, relative to the working directory, becomes the name on the server; default false. */
  readonly keepsPaths?: boolean | undefined;
  /** Whether the links that `paths` name are followed; default false. Others never are. */
  readonly followsNamed?: boolean | undefined;
  /** Whether links are uploaded; default true. */
  readonly links?: boolean | undefined;
  /**
   * Patterns of files and folders to skip in each folder, in the syntax of a .gitignore at its top: gitignore(5). A
   * later one takes precedence.
   */
  readonly exclude?: readonly string[] | undefined;
  /** Called with everything that is skipped for another reason than `exclude`. */
  readonly onSkipped?: (path: string, why: SkipReason) => void;
}

export interface CollectOptions extends Omit<FileSelection, "onSkipped">, Abortable {
  /** The folder with the identity in use, whose private files are never uploaded. */
  readonly identityFolder: string;
}

/** Entries that belong together: a folder that the user named, or entries that they named one by one. */
export interface LocalSection {
  /** The folder's name on the server; empty for everything. */
  readonly folder: string | undefined;
  /** The folder's real path. */
  readonly real: string | undefined;
  /** In the order of a server's list if it is a folder. */
  readonly entries: Iterable<FoundEntry>;
}

/** Receives what is found besides entries. */
export type WalkReports = Pick<WalkRules, "onSkipped" | "onFailure" | "check">;

/** The most entries of a section without a folder. */
const MAX_LOOSE = 1000;

/** A path that the user named, and what it was when it was inspected. */
interface NamedEntry {
  readonly path: string;
  readonly name: string;
  readonly real: string | undefined;
  readonly kind: "folder" | "link" | "file";
}

/**
 * Inspects the paths that the user named. Throws `UsageError` `one-name`, `bad-pattern`; `InterruptedError` after an
 * abort.
 */
export async function collectFiles(options: CollectOptions): Promise<CollectedFiles> {
  const { paths, as, exclude = [], keepsPaths = false, followsNamed = false, signal } = options;
  if (as !== undefined && paths.length !== 1) {
    throw new UsageError("one-name", "--as takes exactly one path", {
      hint: "Upload the files one by one, each with its own --as NAME.",
    });
  }
  const own = await ReservedFiles.of(options.identityFolder);
  const isExcluded = excluder(exclude);
  const toName = keepsPaths ? wholeNameOnServer : nameOnServer;
  const repeated = new SentNames();
  const named: NamedEntry[] = [];
  const failures: Failure[] = [];
  for (const path of paths) {
    throwIfAborted(signal);
    const name = as ?? toName(path);
    const found = await inspectNamed(path, followsNamed);
    if (repeated.isRepeated(found, name)) continue;
    try {
      const { real, isLink, info } = found;
      if (!isLink) own.refuse(found);
      const kind = isLink ? "link" : info?.isDirectory === true ? "folder" : "file";
      if (kind === "file") await SourceFile.inspect(path);
      named.push({ path, name: kind === "folder" ? withoutEndSlashes(name) : name, real, kind });
    } catch (error) {
      if (endsAll(error) || !(error instanceof XferError)) throw error;
      failures.push({ state: "not-stored", path, error: failureAt(path, error) });
    }
  }
  return new CollectedFiles(options, { own, isExcluded, named, failures });
}

/**
 * The paths that the user named. Folders are walked only when their entries are asked for, so nothing in them is in
 * memory.
 */
export class CollectedFiles {
  /** Named paths that cannot be uploaded. They don't affect the others. */
  readonly failures: readonly Failure[];
  readonly #options: CollectOptions;
  readonly #own: ReservedFiles;
  readonly #isExcluded: (path: string) => boolean;
  readonly #named: readonly NamedEntry[];
  /** Those in whose folder, or under whose name, others are uploaded too. */
  readonly #shared: ReadonlySet<NamedEntry>;

  /** @internal */
  constructor(options: CollectOptions, { own, isExcluded, named, failures }: {
    readonly own: ReservedFiles;
    readonly isExcluded: (path: string) => boolean;
    readonly named: readonly NamedEntry[];
    readonly failures: readonly Failure[];
  }) {
    this.failures = failures;
    this.#options = options;
    this.#own = own;
    this.#isExcluded = isExcluded;
    this.#named = named;
    this.#shared = findShared(named);
  }

  /** Whether the user named a folder. */
  get hasFolders(): boolean {
    return this.#named.some(({ kind }) => kind === "folder");
  }

  /** The names on the server of folders that the user named. */
  get folders(): string[] {
    return this.#named.flatMap(({ kind, name }) => kind === "folder" ? [name] : []);
  }

  /** Whether folders that the user named share names on the server. */
  get hasSharedFolders(): boolean {
    return [...this.#shared].some(({ kind }) => kind === "folder");
  }

  /**
   * Yields the entries to upload, each folder before its content. Each call walks the folders again. `reports` receives
   * each path that cannot be uploaded: `UsageError` `bad-file-name`, `same-name`; `StorageError` `cannot-read`,
   * `file-too-large`, `bad-entry`.
   */
  *sections(reports: WalkReports): Generator<LocalSection, void, void> {
    const names = new SentNames();
    const claim = (path: string, name: string) => names.claim(path, name);
    const { as, links = true } = this.#options;
    const rules: WalkRules = {
      ...{ own: this.#own, isExcluded: this.#isExcluded, links },
      ...{ isNamed: as !== undefined, ...reports },
    };
    let loose: FoundEntry[] = [];
    for (const named of this.#named) {
      const { path, name, real, kind } = named;
      if (kind !== "folder") {
        const entry = this.#take(named, claim, reports);
        if (entry !== undefined) loose.push(entry);
        if (loose.length < MAX_LOOSE) continue;
      }
      if (loose.length > 0) yield { folder: undefined, real: undefined, entries: loose };
      loose = [];
      if (kind !== "folder") continue;
      const isShared = this.#shared.has(named);
      const entries = walkTree({ path, real, name, claim: isShared ? claim : undefined }, rules);
      yield { folder: name, real, entries };
    }
    if (loose.length > 0) yield { folder: undefined, real: undefined, entries: loose };
  }

  #take(
    { path, name, real, kind }: NamedEntry,
    claim: (path: string, name: string) => boolean,
    { onSkipped, onFailure }: WalkReports,
  ): FoundEntry | undefined {
    try {
      if (kind === "link" && this.#options.links === false) {
        onSkipped(path, name, "a link");
        return undefined;
      }
      checkRemoteName(path, name, this.#options.as !== undefined);
      const entry = FoundEntry.inspect(placeOf(path, name, kind === "link" ? path : real));
      return typeof entry !== "string" && claim(path, name) ? entry : undefined;
    } catch (error) {
      if (endsAll(error) || !(error instanceof XferError)) throw error;
      onFailure(path, failureAt(path, error));
      return undefined;
    }
  }
}

async function inspectNamed(
  path: string,
  follows: boolean,
): Promise<NamedPath & { readonly isLink: boolean }> {
  const info = follows || endsAsFolder(path)
    ? undefined
    : await Deno.lstat(path).catch(() => undefined);
  if (info?.isSymlink === true) return { path, real: resolve(path), info, isLink: true };
  return { ...await inspectPath(path), isLink: false };
}

/** The named entries whose names may be those of entries below others. */
function findShared(named: readonly NamedEntry[]): Set<NamedEntry> {
  const shared = new Set<NamedEntry>();
  if (named.length < 2) return shared;
  const byForm = Map.groupBy(named, ({ name }) => comparedForm(name));
  for (const entry of named) {
    const form = comparedForm(entry.name);
    const same = byForm.get(form) as NamedEntry[];
    const above = [...foldersAbove(form), ...form === "" ? [] : [""]].flatMap((folder) =>
      byForm.get(folder) ?? []
    );
    if (same.length > 1) above.push(...same);
    if (above.length > 0) shared.add(entry);
    for (const other of above) shared.add(other);
  }
  return shared;
}

/**
 * Returns a function that says whether to skip a path below a folder; a folder's path ends with `/`. Throws
 * `UsageError` `bad-pattern`.
 */
export function excluder(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  for (const pattern of patterns) {
    if (pattern.trim() !== "" && !/[\r\n]/.test(pattern)) continue;
    throw new UsageError(
      "bad-pattern",
      "invalid pattern: it is empty or has several lines",
    );
  }
  // Case is significant, as everywhere on the server.
  const rules = ignore({ ignorecase: false }).add([...patterns]);
  return (path) => rules.ignores(path);
}
