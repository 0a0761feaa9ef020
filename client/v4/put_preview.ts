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

/** The totals of a run of {@link putFiles} that is not carried out. Its size grows with the entries to remove. */
export interface PutPreview {
  /** The number of entries with each action. */
  readonly counts: Readonly<Record<PreviewedEntry["action"], number>>;
  /** The bytes of content that would be sent. */
  readonly bytes: number;
  /** Entries that would be removed, for each uploaded folder; empty without `mirror`. */
  readonly removals: readonly FolderRemovals[];
  /** Paths that cannot be uploaded. */
  readonly failures: readonly Failure[];
}

/** Options of a preview. */
export interface PreviewOptions extends Omit<PutOptions, "onOutcome"> {
  /** Called with each entry that would be stored, updated or left unchanged. */
  readonly onEntry?: ((entry: PreviewedEntry) => void) | undefined;
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

/** Receives an entry, and why the server would refuse it. */
type TakePreviewed = (entry: PreviewedEntry, conflict: RefusedError | undefined) => void;

/** The number of entries that are in memory at a time. */
const BATCH = 1000;

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
  options: PreviewOptions,
): Promise<PutPreview> {
  const { connect: { signal }, onSkipped, onEntry } = options;
  const counts = { store: 0, update: 0, unchanged: 0 };
  let bytes = 0;
  const [failures, refused]: [Failure[], Failure[]] = [[], []];
  const { folders, blocking, full } = await findOnServer(pool, collected, options);
  const take: TakePreviewed = (entry, conflict) => {
    const { action, file, file: { path } } = entry;
    const error = conflict ?? (action === "store" ? refuseOverFolder(entry, full) : undefined);
    if (error !== undefined) return void refused.push({ state: "not-stored", path, error });
    counts[action]++;
    if (action === "store") bytes += file.size;
    onEntry?.(entry);
  };
  const sections = collected.sections({
    onSkipped: (path, _name, why) => onSkipped?.(path, why),
    onFailure: (path, error) => void failures.push({ state: "not-stored", path, error }),
    check: () => throwIfAborted(signal),
  });
  for (const section of sections) await previewSection(pool, section, options, take);
  failures.push(...collected.failures, ...refused);
  // After a failure, only what is in the way is removed.
  const isRemoved = ({ name }: RemoteName) =>
    refused.length === 0 || blocking.has(comparedForm(name));
  const removals = folders.map(({ entries, ...folder }) => {
    return { ...folder, entries: entries.filter(isRemoved) };
  });
  return { counts, bytes, removals, failures };
}

/** Finds what a mirror would remove, and the folders that then still have entries. */
async function findOnServer(
  pool: ConnectionPool | undefined,
  collected: CollectedFiles,
  { connect: { signal }, mirror, exclude }: PreviewOptions,
): Promise<Pick<Removals, "folders" | "blocking"> & { readonly full: ReadonlySet<string> }> {
  if (pool === undefined) return { ...NO_REMOVALS, full: new Set() };
  const found = mirror && await findRemovals(pool, collected, exclude, signal);
  const removals = found === undefined || found.hasFailures ? NO_REMOVALS : found;
  const removed = removals.folders.flatMap(({ entries }) => entries);
  const gone = new Set(removed.map(({ name }) => comparedForm(name)));
  const full = await findFullFolders(pool, collected.folders, gone);
  return { ...removals, full };
}

const NO_REMOVALS: Pick<Removals, "folders" | "blocking"> = { folders: [], blocking: new Set() };

async function previewSection(
  pool: ConnectionPool | undefined,
  section: LocalSection,
  options: PreviewOptions,
  take: TakePreviewed,
): Promise<void> {
  const { checksum = false, connect: { identityFolder } } = options;
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
    if (compared.length === BATCH) await takeAll(compared.splice(0), options, take);
  }
  await takeAll(compared, options, take);
}

/** Reads the files for which nothing else says whether they have changed. */
async function takeAll(
  compared: readonly ComparedEntry[],
  options: PreviewOptions,
  take: TakePreviewed,
): Promise<void> {
  const { onEvent, signal } = options.connect;
  const candidates = compared.flatMap(({ entry, known, isSame }) => {
    const file = isSame === undefined ? sourceOf(entry) : undefined;
    return file === undefined || known === undefined ? [] : [{ entry, file, known }];
  });
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const found = await findSame(candidates, { onCompared, signal });
  const same = new Set([...found].map(({ entry }) => entry));
  for (const { entry, known, conflict, isSame } of compared) {
    const keepsContent = isSame ?? same.has(entry);
    const action = actionOf(entry, keepsContent ? known : undefined, options);
    take({ action, ...shown(entry) }, conflict);
  }
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
  options: PreviewOptions,
): PreviewedEntry["action"] {
  if (same === undefined) return "store";
  const attributes = attributesOf(entry, same, options, same.mtime);
  return areSameAttributes(attributes, same) ? "unchanged" : "update";
}

function shown(entry: FoundEntry): Omit<PreviewedEntry, "action"> {
  return { file: entry, kind: entry.kind, name: entry.remoteName };
}
