/**
 * Lists what a run downloads, and decides where it is written.
 *
 * @module
 */
import { join, relative } from "node:path";
import { ReservedFiles } from "../identity/reserved_files.ts";
import { realPath } from "../local/named_path.ts";
import { lastPart } from "../local/path_mapping.ts";
import type { TargetFolder } from "../local/target_folder.ts";
import { excluder } from "./collect_files.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { wantedBytes } from "./file_download.ts";
import { type GetItem, type ListedEntry, sameTarget, toItems } from "./get_item.ts";
import type { GetManyOptions } from "./get_options.ts";
import type { GetOutcomes } from "./get_outcomes.ts";
import {
  checkNames,
  entryOf,
  findSource,
  type GetSource,
  listingOf,
  nothingFound,
  placeSources,
} from "./get_sources.ts";
import type { MirroredFolder } from "./mirror.ts";
import { listFolder, type ListingSize, sumOf } from "./remote_folder.ts";

export interface GetListing {
  readonly root: TargetFolder;
  readonly items: readonly GetItem[];
  /** The folders that were listed completely. */
  readonly folders: readonly MirroredFolder[];
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
  const listed: ListedEntry[] = [];
  const folders: Omit<MirroredFolder, "skipped">[] = [];
  const complete: { name: string; target: string }[] = [];
  const claimed = new Map<string, string>();
  let known: ListingSize | undefined;
  for (const [i, source] of sources.entries()) {
    const { name } = source;
    const target = targets[i] as string;
    await outcomes.attempt(name, target, async () => {
      if (source.kind !== "pattern") {
        const clash = sameTarget(claimed.get(target), name, target);
        if (clash !== undefined) throw clash;
        claimed.set(target, name);
      }
      const { entries, size } = await listSource(pool, options, outcomes, {
        ...{ source, target, isExcluded, known },
      });
      known = size;
      for (const entry of entries) listed.push(entry);
      complete.push({ name, target });
      if (source.kind !== "folder") return;
      folders.push({
        name,
        root: target,
        targets: entries.map(({ target }) => target),
        isExcluded,
      });
    });
  }
  if (outcomes.end !== undefined) {
    // Nothing is downloaded. One result for each name says enough.
    for (const { name, target } of complete) {
      outcomes.report({ state: "not-got", name, target, error: outcomes.end });
    }
    return { root, items: [], folders: [] };
  }
  const { wanted, skipped } = await withoutSkipped(distinct(listed), root.path, options);
  return {
    ...{ root, items: toItems(wanted) },
    folders: folders.map((folder) => ({ ...folder, skipped })),
  };
}

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
}

/** Lists the entries of a source, and returns them with the size of all listings. */
async function listSource(
  pool: ConnectionPool,
  { recursive = false, range }: GetManyOptions,
  outcomes: GetOutcomes,
  { source, target, isExcluded, known }: SourceListing,
): Promise<{ readonly entries: readonly ListedEntry[]; readonly size: ListingSize | undefined }> {
  const own = entryOf(source, target);
  const listing = listingOf(source, recursive);
  if (listing === undefined) {
    const entries = own === undefined ? [] : [own];
    for (const { file } of entries) wantedBytes(file, range);
    return { entries, size: known };
  }
  const folder = { ...listing, root: target, isExcluded, known };
  const { listed, damaged, known: size } = await listFolder(pool, folder);
  for (const file of damaged) outcomes.report({ state: "not-got", ...file });
  if (own === undefined && listed.length + damaged.length === 0) {
    throw nothingFound(source, recursive);
  }
  return { entries: own === undefined ? listed : [own, ...listed], size: sumOf(size, known) };
}

/** The first of the entries that have the same name and path, because patterns can overlap. */
function distinct(listed: readonly ListedEntry[]): ListedEntry[] {
  const seen = new Set<string>();
  return listed.filter(({ file: { name }, target }) => {
    const key = `${name}\0${target}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** Reports the entries that are skipped, and returns their paths and the other entries. */
async function withoutSkipped(
  listed: readonly ListedEntry[],
  root: string,
  { links = true, onSkipped, connect: { identityFolder } }: GetManyOptions,
): Promise<{ readonly wanted: readonly ListedEntry[]; readonly skipped: ReadonlySet<string> }> {
  const hasLinks = links && Deno.build.os !== "windows";
  const own = await ReservedFiles.of(identityFolder);
  const real = await realPath(root);
  const skipped = new Set<string>();
  const wanted = listed.filter(({ file: { name, entry }, target }) => {
    const isLink = entry === "link" && !hasLinks;
    const isOwn = real !== undefined && own.has(join(real, relative(root, target)));
    if (!isLink && !isOwn) return true;
    onSkipped?.(name, isLink ? "a symbolic link" : "one of xfer's own files");
    skipped.add(target);
    return false;
  });
  return { wanted, skipped };
}
