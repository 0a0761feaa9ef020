/**
 * Compares local entries with those on the server, and plans what to upload, update and remove.
 *
 * @module
 */
import type { EntryKind } from "../../protocol/entry.ts";
import { RefusedError } from "../../protocol/errors.ts";
import { clampNanoseconds, splitNanoseconds } from "../../protocol/nanoseconds.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import { NANOSECOND_TIMES, type StoredAttributes } from "../local/file_metadata.ts";
import { findSame } from "../local/find_unchanged.ts";
import { type CollectedFiles, excluder } from "./collect_files.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { RemoteFile } from "./remote_file.ts";
import type { Upload } from "./upload.ts";
import { forEachConcurrently, WorkQueue } from "./work_queue.ts";

/** The attributes to upload, and whether folders become mirrors. */
export interface PlanOptions {
  /** Whether permission bits are stored; default true. Without, the server keeps those that it has. */
  readonly permissions?: boolean | undefined;
  /**
   * Whether modification times are stored; default true. Without, unchanged entries keep the time that the server has,
   * and others get that of the upload.
   */
  readonly times?: boolean | undefined;
  /** Patterns of files and folders that stay as they are on the server; see `FileSelection`. */
  readonly exclude?: readonly string[] | undefined;
}

/** An entry on the server that would be removed. */
export interface RemoteName {
  /** Its name. */
  readonly name: string;
  /** A file, a folder or a link. */
  readonly kind: EntryKind;
}

/** Entries of a folder on the server that are missing here. */
export interface FolderRemovals {
  /** Its name on the server; empty for everything. */
  readonly folder: string;
  /** Entries below it on the server. */
  readonly total: number;
  /** Those of them that are missing here, each after what is below it. */
  readonly entries: readonly RemoteName[];
}

/** An entry whose content the server has, with another mode or time. */
export interface PlannedUpdate {
  readonly upload: Upload;
  readonly version: number;
  readonly attributes: StoredAttributes;
}

export interface PutPlan {
  readonly puts: readonly Upload[];
  /** Those of them that take the place of something that is no folder, before anything below them is stored. */
  readonly newFolders: ReadonlySet<Upload>;
  readonly updates: readonly PlannedUpdate[];
  readonly unchanged: readonly Upload[];
  /** For each folder that the user named. */
  readonly removals: readonly FolderRemovals[];
}

/** The server's entries under the collected names, and below the collected folders. */
export interface RemoteEntries {
  readonly find: (upload: Upload) => RemoteFile | undefined;
  readonly below: readonly { readonly folder: string; readonly names: readonly RemoteName[] }[];
}

/** Nothing, for a client that has no account. */
export const NO_REMOTE_ENTRIES: RemoteEntries = { find: () => undefined, below: [] };

/** Asks the server for everything in the collected folders, and for the other collected entries by name. */
export async function findRemoteEntries(
  pool: ConnectionPool,
  { uploads, folders }: CollectedFiles,
): Promise<RemoteEntries> {
  const byName = new Map(uploads.map((upload) => [comparedForm(upload.name), upload]));
  const found = new Map<Upload, RemoteFile>();
  const below = [];
  const prefixes = folders.map((folder) => folder === "" ? "" : `${folder}/`);
  for (const [i, folder] of folders.entries()) {
    const names: RemoteName[] = [];
    const take = (file: RemoteFile) => {
      names.push({ name: file.name, kind: file.entry });
      const upload = byName.get(comparedForm(file.name));
      if (upload !== undefined) found.set(upload, file);
    };
    // A file that is damaged on the server is uploaded.
    const takeDamaged = ({ name }: { readonly name: string }) =>
      void names.push({ name, kind: "file" });
    await pool.list(prefixes[i] as string, take, { takeDamaged }).catch(unlessRefused);
    below.push({ folder, names });
  }
  const isListed = ({ name }: Upload) => prefixes.some((prefix) => name.startsWith(prefix));
  const others = new WorkQueue(uploads.filter((upload) => !isListed(upload)));
  await pool.share(others, (client) =>
    forEachConcurrently(others, async (upload) => {
      const file = await client.stat(upload.name).catch(unlessRefused);
      // A folder without an entry has no version.
      if (file !== undefined && file.version > 0) found.set(upload, file);
      pool.advance();
    }));
  return { find: (upload) => found.get(upload), below };
}

/** Compares the content of entries that the server may have. Throws `InterruptedError` after an abort. */
export async function planPut(
  collected: CollectedFiles,
  remote: RemoteEntries,
  options: PlanOptions,
  { onEvent, signal }: Pick<ConnectOptions, "onEvent" | "signal">,
): Promise<PutPlan> {
  const candidates = collected.uploads.flatMap((upload) => {
    const known = remote.find(upload);
    const isAlike = known?.entry === upload.file.kind && known.name === upload.name;
    return isAlike ? [{ upload, file: upload.file, known }] : [];
  });
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const same = await findSame(candidates, { onCompared, signal });
  const knownAs = new Map(candidates.map((candidate) => [candidate.upload, candidate]));
  const now = BigInt(Date.now()) * 1_000_000n;
  const plan = {
    puts: [] as Upload[],
    newFolders: new Set<Upload>(),
    updates: [] as PlannedUpdate[],
    unchanged: [] as Upload[],
  };
  for (const upload of collected.uploads) {
    const candidate = knownAs.get(upload);
    const { known } = candidate ?? {};
    if (candidate !== undefined && known !== undefined && same.has(candidate)) {
      upload.override(overrides(upload, known, options, known.mtime));
      const attributes = upload.attributes;
      if (isSame(attributes, known)) plan.unchanged.push(upload);
      else plan.updates.push({ upload, version: known.version, attributes });
      continue;
    }
    upload.override(overrides(upload, known, options, now));
    plan.puts.push(upload);
    const other = remote.find(upload);
    if (upload.file.kind === "folder" && other !== undefined) plan.newFolders.add(upload);
  }
  return { ...plan, removals: findRemovals(collected, remote, options) };
}

/** The attributes that are unknown here or not wanted: they stay as the server has them, or become these. */
function overrides(
  { file }: Upload,
  known: StoredAttributes | undefined,
  { permissions = true, times = true }: PlanOptions,
  mtime: bigint,
): Partial<StoredAttributes> {
  const keepsMode = !permissions || file.mode === undefined;
  return { ...keepsMode ? { mode: known?.mode } : {}, ...times ? {} : { mtime } };
}

/** If this system knows no nanoseconds, those on the server don't count as a difference. */
function isSame(a: StoredAttributes, b: StoredAttributes): boolean {
  if (a.mode !== b.mode) return false;
  if (NANOSECOND_TIMES !== undefined) return clampNanoseconds(a.mtime) === b.mtime;
  return splitNanoseconds(a.mtime).ms === splitNanoseconds(b.mtime).ms;
}

/** The entries in the collected folders on the server that are missing here, except for excluded ones. */
function findRemovals(
  { uploads, skipped }: CollectedFiles,
  { below }: RemoteEntries,
  { exclude = [] }: PlanOptions,
): FolderRemovals[] {
  const here = new Set(uploads.map(({ name }) => comparedForm(name)));
  const kept = new Set(skipped.map(comparedForm));
  const isExcluded = excluder(exclude);
  return below.map(({ folder, names }) => {
    const start = folder === "" ? 0 : folder.length + 1;
    const missing: RemoteName[] = [];
    /** Folders with something in them that stays. */
    const needed = new Set<string>();
    for (const entry of names) {
      const name = comparedForm(entry.name);
      const path = entry.name.slice(start);
      const stays = here.has(name) || isExcluded(entry.kind === "folder" ? `${path}/` : path) ||
        withFolders(name).some((above) => kept.has(above));
      if (!stays) missing.push(entry);
      else for (const above of withFolders(name)) needed.add(above);
    }
    const entries = missing.filter(({ name }) => !needed.has(comparedForm(name)));
    return { folder, total: names.length, entries: entries.toSorted(deepestFirst) };
  });
}

/** A name and those of the folders above it. */
function withFolders(name: string): string[] {
  const parts = name.split("/");
  return parts.map((_, i) => parts.slice(0, parts.length - i).join("/"));
}

/** The number of parts of a name. */
export function depthOf({ name }: Pick<RemoteName, "name">): number {
  return name.split("/").length;
}

function deepestFirst(a: RemoteName, b: RemoteName): number {
  return depthOf(b) - depthOf(a) || (a.name < b.name ? -1 : 1);
}

/** The server has no such entry, or a damaged one: the entry is uploaded. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof RefusedError)) throw error;
}
