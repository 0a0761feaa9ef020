/**
 * Puts local files and folders into an account, whether a server runs on the data folder or not.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../../protocol/abort.ts";
import { UsageError, XferError } from "../../../protocol/errors.ts";
import { joinNanoseconds } from "../../../protocol/nanoseconds.ts";
import { AccountCache } from "../../accounts/account_cache.ts";
import type { Account } from "../../catalog/accounts.ts";
import type { FileSystem } from "../../fs/file_system.ts";
import { DEFAULT_LIMITS, type Limits } from "../../limits/limits.ts";
import type { Log } from "../../limits/server_log.ts";
import { GarbageCollector } from "../../uploads/garbage_collector.ts";
import { QuotaReservations } from "../../uploads/quota_reservations.ts";
import type { StoreOpeners } from "../../stores/open_stores.ts";
import { type ImportableStore, withImportable } from "../../stores/with_importable.ts";
import type { ServerLocation } from "../../stores/with_store.ts";
import { StagingArea } from "../../uploads/staging_area.ts";
import { found } from "../users.ts";
import { type ImportContext, type ImportedEntry, importEntry } from "./import_entry.ts";
import { entriesAt, type LocalEntry, nameOf, type ReadTime } from "./local_entries.ts";

/** The most entries that are stored at the same time, so that their commits share a sync. Each takes up to 1 MiB. */
const AT_ONCE = 16;

/** Options of an import. */
export interface ImportRequest extends Abortable {
  /** Path of the data folder, or where the data is instead. */
  readonly dataFolder: ServerLocation;
  /** The user name of the account, which must exist. */
  readonly userName: string;
  /** Paths of files and links, and of folders with everything below them. */
  readonly paths: readonly string[];
  /** The name on the server, if only one path is given. Default: the last component of the path. */
  readonly as?: string | undefined;
  /** The limits of the server; those that are omitted have their defaults. */
  readonly limits?: Partial<Limits>;
  /** Reads modification times; to the millisecond by default. */
  readonly readTime?: ReadTime;
  /** The file system of the data folder; `Deno` by default. */
  readonly fileSystem?: FileSystem;
  /** @internal */
  readonly openers?: StoreOpeners;
  /** Called with the result for each entry: of a folder before those below it, which are in the order of their names. */
  readonly onOutcome?: (outcome: ImportOutcome) => void;
  /** Called with each path that is skipped, and the reason. */
  readonly onSkipped?: (path: string, why: string) => void;
}

/** An entry that is in the account. */
export interface ImportSuccess extends ImportedEntry {
  /** The path on this machine. */
  readonly path: string;
  /** The name on the server. */
  readonly name: string;
  /** The kind of entry. */
  readonly kind: "file" | "folder" | "link";
}

/** A path that could not be read or stored. */
export interface ImportFailure {
  /** The path on this machine. */
  readonly path: string;
  /** The reason. */
  readonly error: XferError;
}

/** The result for one entry. */
export type ImportOutcome = ImportSuccess | ImportFailure;

/**
 * Stores all entries at the paths with mode and time, as uploads over protocol 4: within the quota, each complete or not at
 * all. Replaced entries become history. Entries that fail don't affect the others. Throws `UsageError` `no-such-user`,
 * `one-name`; `ConfigurationError` `no-data-folder`, `data-folder-not-private`, `import-in-progress`;
 * `InterruptedError` after an abort, when the entries in progress have ended.
 */
export async function importFiles(request: ImportRequest): Promise<void> {
  const { dataFolder, userName, paths, as, signal } = request;
  if (as !== undefined && paths.length !== 1) {
    throw new UsageError("one-name", "--as takes exactly one path", {
      hint: "Import the files one by one, each with its own --as NAME.",
    });
  }
  await withImportable(dataFolder, async (store) => {
    const account = found(await store.catalog.accounts.find({ name: userName }), userName);
    await importAll(contextOf(store, request), account, request);
  }, request);
  throwIfAborted(signal);
}

async function importAll(
  context: ImportContext,
  account: Account,
  { paths, as, readTime = toMilliseconds, onOutcome, onSkipped = () => {} }: ImportRequest,
): Promise<void> {
  const { signal } = context;
  const inProgress = new Set<Promise<void>>();
  let last: Promise<void> | undefined;
  /** Reports an outcome after those of all earlier entries. */
  const report = (ending: Promise<ImportOutcome>): Promise<void> => {
    const reported = Promise.all([ending, last])
      .then(([outcome]) => onOutcome?.(outcome))
      .finally(() => inProgress.delete(reported));
    inProgress.add(reported);
    last = reported;
    return reported;
  };
  for (const path of paths) {
    for await (const entry of entriesAt(path, as ?? nameOf(path), { readTime, onSkipped })) {
      if (signal?.aborted) break;
      const isFailure = "error" in entry;
      const reported = report(
        isFailure ? Promise.resolve(entry) : outcomeOf(context, account, entry),
      );
      // A folder may replace a file, and must do so before anything below it is stored.
      if (!isFailure && entry.kind === "folder") await reported;
      if (inProgress.size >= AT_ONCE) await Promise.race(inProgress);
    }
  }
  await Promise.all(inProgress);
}

async function outcomeOf(
  context: ImportContext,
  account: Account,
  entry: LocalEntry,
): Promise<ImportOutcome> {
  const { path, name, kind } = entry;
  try {
    return { ...await importEntry(context, account, entry), path, name, kind };
  } catch (error) {
    if (error instanceof XferError) return { path, error };
    throw error;
  }
}

function contextOf(
  store: ImportableStore,
  { limits: set = {}, signal }: ImportRequest,
): ImportContext {
  const limits = { ...DEFAULT_LIMITS, ...set };
  const { catalog, blobs, shared, freeSpace } = store;
  const openUploads = shared?.openUploads;
  // The next start of a server tries again.
  const garbage = new GarbageCollector({ catalog, blobs, openUploads, onFailure: () => {} });
  return {
    ...{ store, limits, signal, log: SILENT },
    accounts: new AccountCache(catalog, () => performance.now()),
    quotaReservations: new QuotaReservations(shared?.claims),
    staging: new StagingArea(blobs, limits, freeSpace, undefined, garbage),
    garbage,
  };
}

/** Outcomes are reported to the caller. */
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

function toMilliseconds(path: string): bigint {
  return joinNanoseconds(Deno.lstatSync(path).mtime?.getTime() ?? 0);
}
