/**
 * Finds out what a run of `putFiles` would do.
 *
 * @module
 */
import { throwIfAborted } from "../../protocol/abort.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import type { EntryKind } from "../../protocol/entry.ts";
import { type RefusedError, XferError } from "../../protocol/errors.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { Failure, LocalFile } from "../events.ts";
import { findSame } from "../local/find_unchanged.ts";
import { SourceFile } from "../local/source_file.ts";
import type { CollectedFiles, LocalSection } from "./collect_files.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { findRemovals, type Removals } from "./find_removals.ts";
import type { FoundEntry } from "./found_entry.ts";
import { findFullFolders, refuseOtherForm, refuseOverFolder } from "./put_conflicts.ts";
import type { PutOptions } from "./put_options.ts";
import {
  alikeOf,
  areSameAttributes,
  attributesOf,
  type FolderRemovals,
  type RemoteName,
} from "./put_plan.ts";
import type { RemoteFile } from "./remote_file.ts";
import { RemoteSection } from "./remote_section.ts";
import { SectionDigests } from "./section_digests.ts";

/** A run of {@link putFiles} that is not carried out. Its size grows with the number of entries. */
export interface PutPreview {
  /** Entries that would be stored, updated or left unchanged. */
  readonly entries: readonly PreviewedEntry[];
  /** Entries that would be removed, for each uploaded folder; empty without `mirror`. */
  readonly removals: readonly FolderRemovals[];
  /** Paths that cannot be uploaded. */
  readonly failures: readonly Failure[];
}

/** A local entry, and what would happen to it. */
export interface PreviewedEntry {
  /** `store`: its content would be sent; `update`: only permission bits or time. */
  readonly action: "store" | "update" | "unchanged";
  /** The local entry. */
  readonly file: LocalFile;
  /** A file, a folder or a link. */
  readonly kind: EntryKind;
  /** Its name on the server. */
  readonly name: string;
}

interface EntryAndConflict extends PreviewedEntry {
  /** Why the server would refuse it. */
  readonly conflict?: RefusedError | undefined;
}

/** An entry, and the server's that may have the same content. */
interface ComparedEntry {
  readonly entry: FoundEntry;
  readonly known: RemoteFile | undefined;
  readonly conflict: RefusedError | undefined;
  /** Whether it has; `undefined` if a file must be read to know. */
  readonly isSame: boolean | undefined;
}

/** `pool`: connections to ask the server; `undefined` for a client that has no account. Throws as `putFiles` does. */
export async function findPreview(
  pool: ConnectionPool | undefined,
  collected: CollectedFiles,
  options: PutOptions,
): Promise<PutPreview> {
  const { connect: { signal }, mirror, exclude, onSkipped } = options;
  const failures: Failure[] = [];
  const sections = collected.sections({
    onSkipped: (path, _name, why) => onSkipped?.(path, why),
    onFailure: (path, error) => void failures.push({ state: "not-stored", path, error }),
    check: () => throwIfAborted(signal),
  });
  const folders: string[] = [];
  const compared: EntryAndConflict[] = [];
  for (const section of sections) {
    if (section.folder !== undefined) folders.push(section.folder);
    for (const entry of await previewSection(pool, section, options)) compared.push(entry);
  }
  failures.push(...collected.failures);
  if (pool === undefined) return { entries: compared, failures, removals: [] };
  const removes = mirror !== undefined && failures.length === 0;
  const found = removes ? await findRemovals(pool, collected, exclude, signal) : NO_REMOVALS;
  const removed = found.folders.flatMap(({ entries }) => entries);
  const gone = new Set(removed.map(({ name }) => comparedForm(name)));
  const full = await findFullFolders(pool, folders, gone);
  const entries: PreviewedEntry[] = [];
  const refused: Failure[] = [];
  for (const { conflict, ...entry } of compared) {
    const error = conflict ??
      (entry.action === "store" ? refuseOverFolder(entry, full) : undefined);
    if (error === undefined) entries.push(entry);
    else refused.push({ state: "not-stored", path: entry.file.path, error });
  }
  // After a failure, only what is in the way is removed.
  const isRemoved = ({ name }: RemoteName) =>
    refused.length === 0 || found.blocking.has(comparedForm(name));
  const removals = found.folders.map(({ entries, ...folder }) => {
    return { ...folder, entries: entries.filter(isRemoved) };
  });
  return { entries, failures: [...failures, ...refused], removals };
}

const NO_REMOVALS: Pick<Removals, "folders" | "blocking"> = { folders: [], blocking: new Set() };

async function previewSection(
  pool: ConnectionPool | undefined,
  section: LocalSection,
  options: PutOptions,
): Promise<EntryAndConflict[]> {
  const { checksum = false, connect: { identityFolder, onEvent, signal } } = options;
  using remote = pool === undefined ? RemoteSection.NONE : await RemoteSection.open(pool, section);
  const use = { isRead: !checksum, isWritten: false };
  using digests = new SectionDigests(identityFolder, section, use);
  const compared: ComparedEntry[] = [];
  for (const entry of section.entries) {
    while (!remote.seek(entry)) await remote.more();
    const found = remote.found(entry);
    const known = alikeOf(entry, found);
    const conflict = refuseOtherForm(entry.remoteName, found?.name);
    compared.push({ entry, known, conflict, isSame: isSame(entry, known, digests) });
  }
  const candidates = compared.flatMap(({ entry, known, isSame }) => {
    const file = isSame === undefined ? sourceOf(entry) : undefined;
    return file === undefined || known === undefined ? [] : [{ entry, file, known }];
  });
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const found = await findSame(candidates, { onCompared, signal });
  const same = new Set([...found].map(({ entry }) => entry));
  return compared.map(({ entry, known, conflict, isSame }) => {
    const keepsContent = isSame ?? same.has(entry);
    const action = actionOf(entry, keepsContent ? known : undefined, options);
    return { action, conflict, ...shown(entry) };
  });
}

function isSame(
  entry: FoundEntry,
  known: RemoteFile | undefined,
  digests: SectionDigests,
): boolean | undefined {
  if (known?.size !== entry.size) return false;
  const digest = digests.find(entry);
  return digest === undefined ? undefined : equalBytes(digest, known.digest);
}

/** `undefined` for a file that cannot be read: an upload reports that. */
function sourceOf({ path, real }: FoundEntry): SourceFile | undefined {
  try {
    return SourceFile.found(path, Deno.lstatSync(real), real);
  } catch (error) {
    if (error instanceof XferError || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** `same`: the server's entry if it has the same content. */
function actionOf(
  entry: FoundEntry,
  same: RemoteFile | undefined,
  options: PutOptions,
): PreviewedEntry["action"] {
  if (same === undefined) return "store";
  const attributes = attributesOf(entry, same, options, same.mtime);
  return areSameAttributes(attributes, same) ? "unchanged" : "update";
}

function shown(entry: FoundEntry): Omit<PreviewedEntry, "action"> {
  return { file: entry, kind: entry.kind, name: entry.remoteName };
}
