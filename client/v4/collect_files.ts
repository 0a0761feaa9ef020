/**
 * Collects the local files at the paths that a user names.
 *
 * @module
 */
import { join } from "node:path";
import ignore from "ignore";
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { endsAll, UsageError, type XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { isDataFolder } from "../../protocol/server_files.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { nameFault as portableFault } from "../../protocol/file_name.ts";
import type { Failure } from "../events.ts";
import { cannotRead } from "../local/read_small_file.ts";
import { inspectPath } from "../local/named_path.ts";
import { nameOnServer } from "../local/path_mapping.ts";
import { type ReservedFile, ReservedFiles } from "../identity/reserved_files.ts";
import { SentNames } from "../local/sent_names.ts";
import { SourceFile } from "../local/source_file.ts";
import { Upload } from "./upload.ts";
import { checkSize } from "./remote_file.ts";

/** Why a file or folder is skipped. */
export type SkipReason = "a link or special file" | "an empty folder" | ReservedFile;

/** The local files to upload. */
export interface FileSelection {
  /** Paths of files, and of folders with everything in them. */
  readonly paths: readonly string[];
  /** The name on the server, if only one path is given. Default: the last component of the path. */
  readonly as?: string | undefined;
  /**
   * Patterns of files and folders to skip in each folder, in the syntax of a .gitignore at its top: gitignore(5). A
   * later one takes precedence.
   */
  readonly exclude?: readonly string[] | undefined;
  /** Called with each file or folder that is skipped for another reason than `exclude`. */
  readonly onSkipped?: (path: string, why: SkipReason) => void;
}

export interface CollectOptions extends FileSelection, Abortable {
  /** The folder with the identity in use, whose private files are never uploaded. */
  readonly identityFolder: string;
}

export interface CollectedFiles {
  readonly uploads: Upload[];
  /** Names of folders on the server. */
  readonly folders: string[];
  /** Files that cannot be uploaded. They don't affect the others. */
  readonly failures: Failure[];
}

/**
 * Collects the files to upload. Throws `UsageError` `one-name`, `bad-pattern`; `InterruptedError` after an abort.
 * Returns a failure for each path that cannot be uploaded: `UsageError` `bad-file-name`, `same-name`, `own-key`,
 * `empty-path`; `StorageError` `cannot-read`, `not-a-file`, `file-too-large`.
 */
export async function collectFiles(options: CollectOptions): Promise<CollectedFiles> {
  const { paths, as, exclude = [], signal } = options;
  if (as !== undefined && paths.length !== 1) {
    throw new UsageError("one-name", "--as takes exactly one path", {
      hint: "Upload the files one by one, each with its own --as NAME.",
    });
  }
  const own = await ReservedFiles.of(options.identityFolder);
  const gathering = new Collector(options, own, excluder(exclude));
  for (const path of paths) {
    throwIfAborted(signal);
    await gathering.add(path, as?.normalize("NFC") ?? nameOnServer(path));
  }
  return gathering;
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
  /** The name of the root on the server. */
  readonly name: string;
}

class Collector implements CollectedFiles {
  readonly uploads: Upload[] = [];
  readonly folders: string[] = [];
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

  /** Adds a file, or all files in a folder. */
  async add(path: string, name: string): Promise<void> {
    const named = await inspectPath(path);
    if (this.#names.isRepeated(named, name)) return;
    await this.#attempt(path, async () => {
      await this.#own.refuse(named);
      const { real, info } = named;
      if (info === undefined && path.includes(UNDECODABLE)) throw notUtf8(path);
      if (info?.isDirectory !== true) return this.#take(await SourceFile.inspect(path), name);
      this.#checkName(path, name);
      this.folders.push(name);
      await this.#walk({ root: path, real, name });
    });
  }

  /** Runs work for a path and records its failure. Throws errors that concern more than this path. */
  async #attempt(path: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (endsAll(error)) throw error;
      this.failures.push({ state: "not-stored", path, error: error as XferError });
    }
  }

  /** Adds the files in a folder, sorted by name. */
  async #walk(tree: LocalTree, folder = ""): Promise<void> {
    const here = join(tree.root, folder);
    const entries = await readFolder(here);
    const names = new Set(entries.map(({ name }) => name));
    const hasName = (name: string) => names.has(name);
    if (entries.length === 0) this.#skip(here, "an empty folder");
    if (isDataFolder(hasName)) return this.#skip(here, "a server's data folder");
    const ownIn = this.#own.in(tree.real && join(tree.real, folder), hasName);
    for (const entry of entries) {
      throwIfAborted(this.#options.signal);
      const { name, isDirectory } = entry;
      const below = folder === "" ? name : `${folder}/${name}`;
      if (this.#isExcluded(isDirectory ? `${below}/` : below)) continue;
      const path = join(here, name);
      const own = isDirectory ? undefined : ownIn(name);
      if (own !== undefined) this.#skip(path, own);
      else await this.#attempt(path, () => this.#visit(tree, below, path, entry));
    }
  }

  async #visit(tree: LocalTree, below: string, path: string, entry: Deno.DirEntry): Promise<void> {
    const name = `${tree.name}/${below.normalize("NFC")}`;
    if (entry.isDirectory) {
      this.#checkName(path, name);
      return await this.#walk(tree, below);
    }
    // Links in a folder are not followed: they could lead anywhere, even back.
    const info = entry.isFile ? await reading(path, () => Deno.lstat(path)) : undefined;
    if (info?.isFile !== true) this.#skip(path, "a link or special file");
    else if (this.#own.isKey(info)) this.#skip(path, "one of xfer's own files");
    else this.#take(SourceFile.found(path, info), name);
  }

  #skip(path: string, why: SkipReason): void {
    this.#options.onSkipped?.(path, why);
  }

  /** Throws `UsageError` `bad-file-name`. */
  #checkName(path: string, name: string): void {
    const fault = pathNameFault(name) ?? name.split("/").map(portableFault).find(Boolean);
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

  #take(file: SourceFile, name: string): void {
    const { path, size } = file;
    this.#checkName(path, name);
    checkSize({ name: path, size });
    this.#names.claim(path, name);
    this.uploads.push(new Upload(file, name));
  }
}

/** Replaces bytes that are not UTF-8 in names from Deno. Such a name finds no file. */
const UNDECODABLE = "\ufffd";

async function readFolder(path: string): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  await reading(path, async () => {
    for await (const entry of Deno.readDir(path)) entries.push(entry);
  });
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound && path.includes(UNDECODABLE)) throw notUtf8(path);
    throw cannotRead(path, cause, "Check its permissions, or skip it with --exclude PATTERN.");
  }
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
