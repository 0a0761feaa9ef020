/**
 * The names that a user wants to download, and the local paths that their entries get.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { RefusedError, UsageError, type XferError } from "../../protocol/errors.ts";
import { printable, shellNames } from "../../protocol/printable.ts";
import { endsAsFolder, lastPart, localFault } from "../local/path_mapping.ts";
import { isFolder, type TargetFolder } from "../local/target_folder.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { EVERYTHING, type GetManyOptions } from "./get_options.ts";
import type { Placement } from "./get_item.ts";
import { NamePattern } from "./name_pattern.ts";
import { nameFault, type RemoteFolder } from "./remote_folder.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The entry, folder or pattern that a name stands for. */
export type GetSource =
  & { readonly name: string }
  & (
    | { readonly kind: "entry"; readonly file: RemoteFile }
    /** `file`: its entry; `undefined` if it only exists because of the files in it. */
    | { readonly kind: "folder"; readonly file: RemoteFile | undefined }
    | { readonly kind: "pattern"; readonly pattern: NamePattern }
  );

type SourceOptions = Pick<
  GetManyOptions,
  "recursive" | "version" | "range" | "patterns" | "explainMissing"
>;

/** Asks the server what a name stands for. Throws `RefusedError` `no-such-file`, `damaged`; `UsageError` `one-name`. */
export async function findSource(
  pool: ConnectionPool,
  name: string,
  { recursive = false, version = 0, range, patterns = false, explainMissing }: SourceOptions,
): Promise<GetSource> {
  if (name === EVERYTHING) return { name, kind: "folder", file: undefined };
  const pattern = patterns ? NamePattern.parse(name) : undefined;
  const plain = recursive ? name.replace(/(?<=.)\/$/, "") : name;
  let file: RemoteFile | undefined;
  try {
    file = await pool.use(0, (client) => client.stat(plain, version));
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== "no-such-file") throw error;
    // A name can have the characters of a pattern; then it stands for itself.
    if (pattern !== undefined) {
      if (version !== 0 || range !== undefined) throw oneFile();
      return { name, kind: "pattern", pattern };
    }
    if (!recursive) {
      const hinted = withHint(error, plain, version);
      throw version !== 0 || explainMissing === undefined
        ? hinted
        : await explainMissing(pool, plain, hinted);
    }
  }
  if (file !== undefined && file.entry !== "folder") {
    if (file.entry === "file" || range === undefined) return { name: plain, kind: "entry", file };
    throw new UsageError("bad-range", `${printable(plain)} is a symbolic link, not a file`);
  }
  if (recursive) return { name: plain, kind: "folder", file };
  throw new RefusedError("no-such-file", `${printable(plain)} is a folder`, {
    hint: "To download everything in it, add --recursive.",
  });
}

/** Adds a hint: the version may not exist, or the name may be a folder's. */
export function withHint(error: RefusedError, name: string, version: number): RefusedError {
  const hint = version === 0
    ? "Run 'xfer client list' to see your files, or add --recursive to download a folder."
    : `To see the stored versions, run 'xfer client versions ${shellNames(name)}'.`;
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

interface PlacedEntry {
  readonly file: RemoteFile;
  readonly placement: Placement;
  readonly fault: XferError | undefined;
}

/** The local paths to which the entries of a run are written. */
export interface GetPlaces {
  /** The folder that the user chose, which may be a link to one. */
  readonly root: TargetFolder;
  /** The path for each source; for a pattern, the folder. */
  readonly targets: readonly string[];
}

/** Throws `UsageError` `one-name` for names or options that don't go together, before the server is asked. */
export function checkNames(
  { names, version = 0, range }: GetManyOptions,
): void {
  const isEverything = names.includes(EVERYTHING);
  if (isEverything && names.length > 1) {
    throw new UsageError("one-name", "'.' stands for all your files and takes no other names");
  }
  const isSeveral = names.length > 1 || isEverything;
  if (isSeveral && (version !== 0 || range !== undefined)) throw oneFile();
}

function oneFile(): UsageError {
  return new UsageError("one-name", "--version and --range take exactly one file", {
    hint: "Download the files one by one.",
  });
}

/** Decides where entries are written. */
export async function placeSources(
  sources: readonly GetSource[],
  { target = "", isExact = false }: Pick<GetManyOptions, "target" | "isExact">,
): Promise<GetPlaces> {
  const [only] = sources;
  const isOne = sources.length === 1 && only !== undefined && only.kind !== "pattern";
  if (isOne && (only.name === EVERYTHING || (only.kind === "folder" && target !== ""))) {
    const root = toRoot(target);
    return { root: { path: root, isMade: true }, targets: [root] };
  }
  if (isOne && only.kind === "entry") {
    const isInside = target === "" || !isExact &&
        (endsAsFolder(target) || await isFolder(target));
    const path = isInside ? join(target, lastPart(only.name)) : target;
    return { root: { path: dirname(path), isMade: isInside }, targets: [path] };
  }
  const root = toRoot(target);
  const targets = sources.map(({ name, kind }) =>
    kind === "pattern" ? root : join(root, lastPart(name))
  );
  return { root: { path: root, isMade: true }, targets };
}

/** A folder's path as `dirname` returns it. */
function toRoot(target: string): string {
  return dirname(join(target, "file"));
}

/** The entry of a source itself, if it has one, and why it cannot be written. */
export function entryOf(source: GetSource, target: string): PlacedEntry | undefined {
  if (source.kind === "pattern" || source.file === undefined) return undefined;
  const { name, file } = source;
  // A path that the user chose is no matter of the name.
  const fault = target.endsWith(lastPart(name))
    ? nameFault(name) ?? localFault(lastPart(name))
    : undefined;
  return { file, placement: { targetOf: () => target }, fault };
}

/** The list of a source; `undefined` if it is a single entry. */
export function listingOf(
  source: GetSource,
  recursive: boolean,
): Pick<RemoteFolder, "prefix" | "base" | "isWanted"> | undefined {
  switch (source.kind) {
    case "entry":
      return undefined;
    case "folder":
      return { prefix: source.name === EVERYTHING ? "" : `${source.name}/` };
    case "pattern": {
      const { pattern } = source;
      const base = pattern.prefix.slice(0, pattern.prefix.lastIndexOf("/") + 1);
      const isWanted = (name: string, isFolder: boolean) =>
        recursive
          ? isMatchedWithin(pattern, name, isFolder, base)
          : !isFolder && pattern.matches(name, false);
      return { prefix: pattern.prefix, base, isWanted };
    }
  }
}

/** Whether a name or a folder above it matches. */
function isMatchedWithin(
  pattern: NamePattern,
  name: string,
  isFolder: boolean,
  base: string,
): boolean {
  for (let at = name; at.length > base.length; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    if (pattern.matches(at, at !== name || isFolder)) return true;
  }
  return false;
}

/** The server has nothing for a source. */
export function nothingFound({ name, kind }: GetSource, recursive: boolean): XferError {
  const [message, hint] = kind === "pattern"
    ? [
      `no ${recursive ? "names match" : "files match"} ${printable(name)}`,
      recursive
        ? LIST
        : "Run 'xfer client list' to see your files, or add --recursive to download folders.",
    ]
    : name === EVERYTHING
    ? ["you have no files on the server", "Upload some with 'xfer client put'."]
    : [`no files in the folder ${printable(name)}`, LIST];
  return new RefusedError("no-such-file", message, { hint });
}

const LIST = "To see your files, run 'xfer client list'.";
