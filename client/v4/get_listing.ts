/**
 * Lists what a run downloads, and decides where it is written.
 *
 * @module
 */
import { join, relative } from "node:path";
import type { XferError } from "../../protocol/errors.ts";
import { ReservedFiles } from "../identity/reserved_files.ts";
import { realPath } from "../local/named_path.ts";
import { lastPart } from "../local/path_mapping.ts";
import type { TargetFolder } from "../local/target_folder.ts";
import { excluder } from "./collect_files.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { wantedBytes } from "./file_download.ts";
import { type Placement, sameTarget } from "./get_item.ts";
import { GetItems } from "./get_items.ts";
import type { GetManyOptions, GetSkipReason } from "./get_options.ts";
import { errorOf, type GetOutcomes } from "./get_outcomes.ts";
import {
  checkNames,
  entryOf,
  findSource,
  type GetSource,
  listingOf,
  nothingFound,
  placeSources,
} from "./get_sources.ts";
import type { RemoteFile } from "./remote_file.ts";
import { listFolder, type ListingSize, sumOf } from "./remote_folder.ts";

/** A folder of the server that was listed completely. */
export interface ListedFolder {
  /** Its name on the server. */
  readonly name: string;
  /** Its local path. */
  readonly root: string;
  /** Whether a path below the folder stays in any case; that of a folder ends with `/`. */
  readonly isExcluded: (path: string) => boolean;
}

export interface GetListing {
  readonly root: TargetFolder;
  readonly items: GetItems;
  readonly folders: readonly ListedFolder[];
}

/**
 * Asks the server for the entries of all names. Failures are reported. Throws `UsageError` `bad-pattern`,
 * `one-name`.
 */
export async function listSources(
  pool: ConnectionPool,
  options: GetManyOptions,
  outcomes: GetOutcomes,
): Promise<GetListing> {
  checkNames(options);
  const isExcluded = excluder(options.exclude ?? []);
  const sources = await findSources(pool, options, outcomes);
  const { root, targets } = await placeSources(sources, options);
  const hasPatterns = sources.some(({ kind }) => kind === "pattern");
  const items = new GetItems(sources.length > 1 && hasPatterns);
  const whySkipped = await skipper(root.path, options);
  const folders: ListedFolder[] = [];
  const complete: { name: string; target: string }[] = [];
  const claimed = new Map<string, string>();
  let known: ListingSize | undefined;
  for (const [i, source] of sources.entries()) {
    const { name } = source;
    const target = targets[i] as string;
    const take: TakeEntry = (file, placement, fault) => {
      const why = whySkipped(file, placement);
      if (why !== undefined) {
        if (options.confirmMirror !== undefined) items.addSkipped(file, placement);
        return void options.onSkipped?.(file.name, why);
      }
      const error = fault ?? errorOf(() => items.add(file, placement));
      if (error === undefined) return;
      const at = fault === undefined ? placement.targetOf(file.name) : target;
      outcomes.report({ state: "not-got", name: file.name, target: at, error });
    };
    const drop = items.mark();
    await outcomes.attempt(name, target, async () => {
      if (source.kind !== "pattern") {
        const clash = sameTarget(claimed.get(target), name, target);
        if (clash !== undefined) throw clash;
        claimed.set(target, name);
      }
      try {
        known = await listSource(pool, options, outcomes, {
          ...{ source, target, isExcluded, known, take },
        });
      } catch (error) {
        drop();
        throw error;
      }
      complete.push({ name, target });
      if (source.kind === "folder") folders.push({ name, root: target, isExcluded });
    });
  }
  if (outcomes.end === undefined) return { root, items, folders };
  // Nothing is downloaded. One result for each name says enough.
  for (const { name, target } of complete) {
    outcomes.report({ state: "not-got", name, target, error: outcomes.end });
  }
  return { root, items: new GetItems(false), folders: [] };
}

type TakeEntry = (file: RemoteFile, placement: Placement, fault: XferError | undefined) => void;

async function findSources(
  pool: ConnectionPool,
  options: GetManyOptions,
  outcomes: GetOutcomes,
): Promise<GetSource[]> {
  const { names, target = "" } = options;
  const sources: GetSource[] = [];
  for (const name of new Set(names)) {
    await outcomes.attempt(name, join(target, lastPart(name)), async () => {
      sources.push(await findSource(pool, name, options));
    });
  }
  return sources;
}

interface SourceListing {
  readonly source: GetSource;
  readonly target: string;
  readonly isExcluded: (path: string) => boolean;
  /** The size of all listings before. */
  readonly known: ListingSize | undefined;
  readonly take: TakeEntry;
}

/** Lists the entries of a source. Returns the size of all listings. */
async function listSource(
  pool: ConnectionPool,
  { recursive = false, range }: GetManyOptions,
  outcomes: GetOutcomes,
  { source, target, isExcluded, known, take }: SourceListing,
): Promise<ListingSize | undefined> {
  const own = entryOf(source, target);
  if (own !== undefined) take(own.file, own.placement, own.fault);
  const listing = listingOf(source, recursive);
  if (listing === undefined) {
    if (own !== undefined) wantedBytes(own.file, range);
    return known;
  }
  let isEmpty = own === undefined;
  const size = await listFolder(pool, {
    ...{ ...listing, root: target, isExcluded, known },
    take(...entry) {
      isEmpty = false;
      take(...entry);
    },
    takeDamaged(file) {
      isEmpty = false;
      outcomes.report({ state: "not-got", ...file });
    },
  });
  if (isEmpty) throw nothingFound(source, recursive);
  return sumOf(size, known);
}

/** Returns a function that says why an entry is skipped, if it is. */
async function skipper(
  root: string,
  { links = true, connect: { identityFolder } }: GetManyOptions,
): Promise<(file: RemoteFile, placement: Placement) => GetSkipReason | undefined> {
  const hasLinks = links && Deno.build.os !== "windows";
  const own = await ReservedFiles.of(identityFolder);
  const real = await realPath(root);
  const mayBeOwn = real !== undefined && own.isBelow(real);
  return ({ name, entry }, { targetOf }) => {
    if (entry === "link" && !hasLinks) return "a symbolic link";
    const isOwn = mayBeOwn &&
      own.has(join(real, relative(root, targetOf(name))));
    return isOwn ? "one of xfer's own files" : undefined;
  };
}
