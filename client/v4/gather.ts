/**
 * What there is to be sent below paths that a user names.
 *
 * @module
 */
import { join } from "node:path";
import ignore from "ignore";
import { printable, type Stoppable, throwIfStopped, UsageError } from "../../protocol/mod.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { cannotRead } from "../files.ts";
import { nameOnServer } from "../local_paths.ts";
import { OwnFiles, realPath } from "../own_files.ts";
import { SourceFile } from "../source_file.ts";
import { Job } from "./jobs.ts";
import { checkSize } from "./remote_file.ts";

/** Why something in a folder is left out. */
export type Passed = "neither a file nor a folder" | "an empty folder" | "a file of xfer's own";

export interface GatherOptions extends Stoppable {
  /** Paths of files, and of folders with all that is in them. */
  readonly paths: readonly string[];
  /** The folder whose files of xfer's own are not sent: some prove who the client is. */
  readonly identityFolder: string;
  /** The name of the only path on the server, in place of its last component. */
  readonly as?: string | undefined;
  /**
   * What of the folders is not sent: patterns as in a .gitignore at the top of each (gitignore(5)), of which a later one
   * wins.
   */
  readonly exclude?: readonly string[] | undefined;
  readonly onPassed?: (path: string, why: Passed) => void;
}

export interface Gathered {
  readonly jobs: Job[];
  /** The names of folders on the server. */
  readonly folders: string[];
}

/**
 * Looks at everything that is to be sent. Throws `UsageError` `one-name`, `bad-file-name`, `same-name`, `own-key`; `StorageError`
 * `cannot-read`, `not-a-file`, `file-too-large`; `InterruptedError` where it is to stop.
 */
export async function gather(options: GatherOptions): Promise<Gathered> {
  const { paths, as, exclude = [], signal } = options;
  if (as !== undefined && paths.length !== 1) {
    throw new UsageError("one-name", "A name can be given to one path alone", {
      hint: "Send the files one by one, each under its name.",
    });
  }
  const own = await OwnFiles.of(options.identityFolder);
  const tree = { isExcluded: excluder(exclude), own, onPassed: options.onPassed };
  const found: Gathered = { jobs: [], folders: [] };
  for (const path of paths) {
    throwIfStopped(signal);
    const name = as?.normalize("NFC") ?? nameOnServer(path);
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isDirectory === true) {
      found.folders.push(name);
      for await (const [below, file] of walk({ ...tree, root: path, real: await realPath(path) })) {
        throwIfStopped(signal);
        found.jobs.push(new Job(file, `${name}/${below.normalize("NFC")}`));
      }
    } else {
      await own.refuseKey(path);
      found.jobs.push(new Job(await SourceFile.inspectAny(path), name));
    }
  }
  checkNames(found.jobs);
  return found;
}

/**
 * Whether a path below a folder, with `/` at its end for a folder, is left out. Throws `UsageError` `bad-pattern`.
 */
export function excluder(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  for (const pattern of patterns) {
    if (pattern.trim() !== "" && !/[\r\n]/.test(pattern)) continue;
    throw new UsageError(
      "bad-pattern",
      "An empty pattern, or one of several lines, matches nothing",
    );
  }
  // As everywhere on the server, letters of both cases are different ones.
  const rules = ignore({ ignorecase: false }).add([...patterns]);
  return (path) => rules.ignores(path);
}

interface Tree {
  readonly root: string;
  /** The root without links. */
  readonly real: string | undefined;
  readonly isExcluded: (path: string) => boolean;
  readonly own: OwnFiles;
  readonly onPassed: GatherOptions["onPassed"];
}

/** Files below a folder, by name, each with its path from there. */
async function* walk(
  tree: Tree,
  folder = "",
): AsyncGenerator<[string, SourceFile], void, void> {
  const { root, real, isExcluded, own, onPassed } = tree;
  const isOwn = own.in(real, folder);
  const here = join(root, folder);
  const entries = await readFolder(here);
  if (entries.length === 0) onPassed?.(here, "an empty folder");
  for (const { name, isFile, isDirectory } of entries) {
    const below = folder === "" ? name : `${folder}/${name}`;
    if (isExcluded(isDirectory ? `${below}/` : below)) continue;
    if (isDirectory) yield* walk(tree, below);
    else if (isOwn(name)) onPassed?.(join(here, name), "a file of xfer's own");
    else if (isFile) {
      const path = join(here, name);
      const info = await reading(path, () => Deno.lstat(path));
      // Links in a folder are not followed: they may lead anywhere, also back.
      if (info.isFile) yield [below, SourceFile.found(path, info)];
      else onPassed?.(path, "neither a file nor a folder");
    } else onPassed?.(join(here, name), "neither a file nor a folder");
  }
}

/** Stands for what is not UTF-8 in a name that the system tells: nothing is found by that. */
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
    if (cause instanceof Deno.errors.NotFound && path.includes(UNDECODABLE)) {
      throw badName(path, "is not UTF-8");
    }
    throw cannotRead(path, cause, "Check its permissions, or leave it out: --exclude PATTERN.");
  }
}

function checkNames(jobs: readonly Job[]): void {
  const paths = new Map<string, string>();
  for (const { file: { path, size }, name } of jobs) {
    const fault = pathNameFault(name);
    if (fault !== undefined) throw badName(path, fault);
    const earlier = paths.get(name);
    if (earlier !== undefined) {
      throw new UsageError(
        "same-name",
        `Cannot send both ${printable(earlier)} and ${printable(path)} as ${printable(name)}`,
        { hint: "Send them under different names: --as NAME." },
      );
    }
    paths.set(name, path);
    checkSize({ name: path, size });
  }
}

function badName(path: string, fault: string): UsageError {
  return new UsageError("bad-file-name", `Cannot send ${printable(path)}: its name ${fault}`, {
    hint: "Rename it, leave it out (--exclude), or name it otherwise on the server: --as NAME.",
  });
}
