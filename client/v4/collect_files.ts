/**
 * Collects the local files, folders and links at the paths that a user names.
 *
 * @module
 */
import { join, resolve } from "node:path";
import ignore from "ignore";
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { endsAll, UsageError, type XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { isDataFolder } from "../../protocol/server_files.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import type { Failure } from "../events.ts";
import { type ReservedFile, ReservedFiles } from "../identity/reserved_files.ts";
import { inspectPath, type NamedPath } from "../local/named_path.ts";
import { endsAsFolder, nameOnServer, wholeNameOnServer } from "../local/path_mapping.ts";
import { cannotRead } from "../local/read_small_file.ts";
import { SentNames } from "../local/sent_names.ts";
import { SmallEntry, type SourceEntry, UNDECODABLE } from "../local/source_entry.ts";
import { SourceFile } from "../local/source_file.ts";
import { checkSize } from "./remote_file.ts";
import { Upload } from "./upload.ts";

/** Why something is skipped. */
export type SkipReason = "a link" | "a pipe" | "a socket" | "a device" | ReservedFile;

/** The local files, folders and links to upload. */
export interface FileSelection {
  /**
   * Paths of files and links, and of folders with everything in them. A link is uploaded as a link, unless its path
   * ends as that of a folder does.
   */
  readonly paths: readonly string[];
  /** The name on the server, if only one path is given. Default: the last component of the path. */
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

export interface CollectOptions extends FileSelection, Abortable {
  /** The folder with the identity in use, whose private files are never uploaded. */
  readonly identityFolder: string;
}

export interface CollectedFiles {
  readonly uploads: Upload[];
  /** Folders that the user named: their names on the server; empty for everything. */
  readonly folders: string[];
  /** Names on the server of what is here, but skipped for another reason than `exclude`. */
  readonly skipped: string[];
  /** Paths that cannot be uploaded. They don't affect the others. */
  readonly failures: Failure[];
}

/**
 * Collects the entries to upload, each folder before its content. Throws `UsageError` `one-name`, `bad-pattern`;
 * `InterruptedError` after an abort. Returns a failure for each path that cannot be uploaded: `UsageError`
 * `bad-file-name`, `same-name`, `own-key`, `empty-path`; `StorageError` `cannot-read`, `not-a-file`, `file-too-large`,
 * `bad-entry`.
 */
export async function collectFiles(options: CollectOptions): Promise<CollectedFiles> {
  const { paths, as, exclude = [], keepsPaths = false, signal } = options;
  if (as !== undefined && paths.length !== 1) {
    throw new UsageError("one-name", "--as takes exactly one path", {
      hint: "Upload the files one by one, each with its own --as NAME.",
    });
  }
  const own = await ReservedFiles.of(options.identityFolder);
  const collector = new Collector(options, own, excluder(exclude));
  const toName = keepsPaths ? wholeNameOnServer : nameOnServer;
  for (const path of paths) {
    throwIfAborted(signal);
    await collector.add(path, as ?? toName(path));
  }
  return collector;
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

interface LocalTree {
  readonly root: string;
  /** The real path of the root. */
  readonly real: string | undefined;
  /** The name of the root on the server; `undefined` if it has none, and what is in it has names without it. */
  readonly name: string | undefined;
}

class Collector implements CollectedFiles {
  readonly uploads: Upload[] = [];
  readonly folders: string[] = [];
  readonly skipped: string[] = [];
  readonly failures: Failure[] = [];
  readonly #options: CollectOptions;
  readonly #own: ReservedFiles;
  readonly #isExcluded: (path: string) => boolean;
  readonly #names = new SentNames();

  constructor(options: CollectOptions, own: ReservedFiles, isExcluded: (path: string) => boolean) {
    this.#options = options;
    this.#own = own;
    this.#isExcluded = isExcluded;
  }

  /** Adds what the user named, and everything in it. */
  async add(path: string, name: string): Promise<void> {
    const named = await this.#inspect(path);
    if (this.#names.isRepeated(named, name)) return;
    await this.#attempt(path, async () => {
      if (named.isLink) return await this.#takeLink(path, name);
      await this.#own.refuse(named);
      const { real, info } = named;
      if (info?.isDirectory !== true) return this.#take(await SourceFile.inspect(path), name);
      this.folders.push(name);
      const isEverything = name === "" && this.#options.keepsPaths === true;
      await this.#walk({ root: path, real, name: isEverything ? undefined : name });
    });
  }

  async #inspect(path: string): Promise<NamedPath & { readonly isLink: boolean }> {
    const follows = this.#options.followsNamed === true || endsAsFolder(path);
    const info = follows ? undefined : await Deno.lstat(path).catch(() => undefined);
    if (info?.isSymlink === true) return { path, real: resolve(path), info, isLink: true };
    return { ...await inspectPath(path), isLink: false };
  }

  /** Runs work for a path and records its failure. Throws errors that concern more than this path. */
  async #attempt(path: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (endsAll(error)) throw error;
      const failure = isUndecodable(path, error as XferError) ? notUtf8(path) : error as XferError;
      this.failures.push({ state: "not-stored", path, error: failure });
    }
  }

  /** Adds a folder, and everything in it, sorted by name. */
  async #walk(tree: LocalTree, folder = ""): Promise<void> {
    const here = join(tree.root, folder);
    const name = nameIn(tree, folder);
    const entries = await readFolder(here);
    const names = new Set(entries.map(({ name }) => name));
    const hasName = (name: string) => names.has(name);
    if (isDataFolder(hasName)) {
      return this.#skip(here, name, "a server's data folder");
    }
    const real = folder === "" ? tree.real : here;
    if (name !== "") this.#take(await SmallEntry.inspect(here, real), name);
    const ownIn = this.#own.in(tree.real && join(tree.real, folder), hasName);
    for (const entry of entries) {
      throwIfAborted(this.#options.signal);
      const { isDirectory } = entry;
      const below = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (this.#isExcluded(isDirectory ? `${below}/` : below)) continue;
      const path = join(here, entry.name);
      const own = isDirectory ? undefined : ownIn(entry.name);
      if (own !== undefined) this.#skip(path, nameIn(tree, below), own);
      else await this.#attempt(path, () => this.#visit(tree, below, path, entry));
    }
  }

  async #visit(tree: LocalTree, below: string, path: string, entry: Deno.DirEntry): Promise<void> {
    if (entry.isDirectory) return await this.#walk(tree, below);
    const name = nameIn(tree, below);
    // Links in a folder are not followed: they could lead anywhere, even back.
    if (entry.isSymlink) return await this.#takeLink(path, name);
    const info = await reading(path, () => Deno.lstat(path));
    if (!info.isFile) this.#skip(path, name, whatIs(info));
    else if (this.#own.isKey(info)) this.#skip(path, name, "one of xfer's own files");
    else this.#take(SourceFile.found(path, info), name);
  }

  async #takeLink(path: string, name: string): Promise<void> {
    if (this.#options.links === false) return this.#skip(path, name, "a link");
    this.#take(await SmallEntry.inspect(path), name);
  }

  #skip(path: string, name: string, why: SkipReason): void {
    this.skipped.push(name);
    this.#options.onSkipped?.(path, why);
  }

  /** Throws `UsageError` `bad-file-name`. */
  #checkName(path: string, name: string): void {
    const fault = pathNameFault(name);
    if (fault === undefined) return;
    const [named, hint] = this.#options.as === undefined
      ? [
        `${printable(path)}: its name`,
        "Rename it, skip it with --exclude PATTERN, or upload it under another name with --as NAME.",
      ]
      : [
        `${printable(path)} as ${printable(name)}: the name`,
        "Choose another name with --as NAME.",
      ];
    throw new UsageError("bad-file-name", `cannot upload ${named} ${fault}`, { hint });
  }

  #take(entry: SourceEntry, name: string): void {
    const { path, size } = entry;
    this.#checkName(path, name);
    checkSize({ name: path, size });
    if (this.#names.claim(path, name)) this.uploads.push(new Upload(entry, name));
  }
}

/** The name on the server of something below the root, whose own path there is empty. */
function nameIn({ name }: LocalTree, below: string): string {
  return [name, below].filter((part) => part !== undefined && part !== "").join("/");
}

async function readFolder(path: string): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  await reading(path, async () => {
    for await (const entry of Deno.readDir(path)) entries.push(entry);
  });
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The kind of something that has no content to upload. */
function whatIs({ isFifo, isSocket }: Deno.FileInfo): SkipReason {
  if (isFifo === true) return "a pipe";
  return isSocket === true ? "a socket" : "a device";
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cannotRead(path, cause, "Check its permissions, or skip it with --exclude PATTERN.");
  }
}

/** Whether Deno has no name for what is at a path. */
function isUndecodable(path: string, { cause }: XferError): boolean {
  return cause instanceof Deno.errors.NotFound && path.includes(UNDECODABLE);
}

/** No option helps: Deno cannot open the file by this name. */
function notUtf8(path: string): UsageError {
  return new UsageError(
    "bad-file-name",
    `cannot upload ${printable(path)}: its name is not UTF-8`,
    {
      hint: "Rename it, or skip it with --exclude PATTERN.",
    },
  );
}
