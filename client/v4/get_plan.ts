/**
 * Plans the download of a file or a folder, and carries it out.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { endsAll, RefusedError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { replaceable } from "../local/atomic_file.ts";
import { lastPart, localFault } from "../local/path_mapping.ts";
import { SourceFile } from "../local/source_file.ts";
import { excluder } from "./collect_files.ts";
import { type FolderItem, type ListingSize, listItems } from "./remote_folder.ts";
import {
  type ByteRange,
  downloadFile,
  type FileDownloadOptions,
  wantedBytes,
} from "./file_download.ts";
import type { ConnectionPool, TransferOptions } from "./connection_pool.ts";
import { findSame } from "../local/find_unchanged.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { exists, syncNames } from "../local/partial_file.ts";
import { checkSize, type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";
import type { V4Client } from "./client.ts";
import { forEachConcurrently, WorkQueue } from "./work_queue.ts";
import { TargetTree } from "../local/target_tree.ts";

/** The file to download, and where to write it. */
export interface GetOptions {
  /** The server and the account. */
  readonly connect: ConnectOptions;
  /** Connections and retries. */
  readonly transfer?: TransferOptions;
  /** The name on the server. */
  readonly name: string;
  /** The number of the version; 0, the default, for the current one. */
  readonly version?: number | undefined;
  /** The path to write to. Default: the last component of the name, in the working directory. */
  readonly target?: string | undefined;
  /** The bytes of the file to download. */
  readonly range?: ByteRange | undefined;
  /** Whether to overwrite an existing file at the target. */
  readonly force?: boolean;
  /** For a folder, patterns of files to skip; see `FileSelection`. */
  readonly exclude?: readonly string[] | undefined;
  /** Called with the result of each file, as soon as it is known. */
  readonly onOutcome?: (outcome: GetOutcome) => void;
  /**
   * Creates the folder of the target just before the first write. Without it, the folder must exist.
   *
   * @internal
   */
  readonly makeFolder?: (() => Promise<void>) | undefined;
}

/** The result of one file. `there`: the target already had this content and was not written. */
export type GetOutcome =
  & { readonly name: string; readonly target: string }
  & (
    | { readonly state: "got" | "there"; readonly file: RemoteFile }
    | { readonly state: "not-got"; readonly error: XferError }
  );

/** A planned download. */
export interface GetPlan {
  /** The number of files to download, without those that are unchanged. */
  readonly files: number;
  readonly bytes: number;
  /** The size of the listing in memory. */
  readonly known: ListingSize;
  /**
   * Downloads the planned files, with the content that they have by then. Throws errors that end the connection or concern all files.
   */
  readonly get: () => Promise<GetOutcome[]>;
}

/** Compares a file on the server with its target. Throws as `getFile` does. */
export async function planFile(pool: ConnectionPool, options: GetOptions): Promise<GetPlan> {
  const { name, version = 0, target = lastPart(name), range, force = false } = options;
  const file = await pool.use(0, (client) => client.stat(name, version));
  checkSize(file);
  const bytes = wantedBytes(file, range);
  const fault = localFault(target);
  if (fault !== undefined) throw fault;
  const known = { files: 1, folders: 0, characters: name.length };
  const item = { file, target };
  const { unchanged, blocked } = await compareTargets([item], options);
  const error = blocked.get(item);
  if (error !== undefined) throw error;
  if (unchanged.has(item)) {
    const there = report(options, { state: "there", name, target, file });
    return { files: 0, bytes: 0, known, get: () => Promise.resolve([there]) };
  }
  const get = async () => {
    const { makeFolder } = options;
    const what = { name, version, target, range, force, makeFolder };
    const file = await downloadFile(pool, { ...what, ...ioOf(pool, options) }, true);
    await syncNames(dirname(target));
    return [report(options, { state: "got", name, target, file })];
  };
  return { files: 1, bytes, known, get };
}

/** Reports the number of files and bytes to download. */
export function reportPlanned(
  { connect: { onEvent } }: Pick<GetOptions, "connect">,
  plans: readonly GetPlan[],
) {
  const sum = (of: "files" | "bytes") => plans.reduce((sum, plan) => sum + plan[of], 0);
  onEvent?.({ type: "planned", files: sum("files"), bytes: sum("bytes") });
}

/**
 * Compares a folder on the server with its target. `before`: the size of the listings of other folders in memory.
 * Throws as `getFolder` does.
 */
export async function planFolder(
  pool: ConnectionPool,
  options: GetOptions,
  before?: ListingSize,
): Promise<GetPlan> {
  const { name, target = lastPart(name), force = false, exclude = [], version, range } = options;
  const root = dirname(join(target, "file"));
  const isExcluded = excluder(exclude);
  const folder = { name, root, isExcluded, known: before };
  const { items, known, damaged } = await listItems(pool, folder);
  if (items.length + damaged.length === 0) throw nothingBelow(name);
  const lost = damaged.map((file) => report(options, { state: "not-got", ...file }));
  const tree = new TargetTree(root);
  const outcomes = new Map<FolderItem, GetOutcome>();
  const conclude = async (
    item: FolderItem,
    result: { state: "got" | "there" } | { error: XferError },
  ) => {
    const { file, file: { name }, target, collisions } = item;
    const outcome: GetOutcome = "error" in result
      ? { state: "not-got", name, target, error: result.error }
      : { ...result, name, target, file };
    outcomes.set(item, report(options, outcome));
    pool.advance();
    if (outcome.state !== "not-got") await collisions?.add(target);
  };
  const withoutOutcome = () => items.filter((item) => !outcomes.has(item));
  for (const item of items) {
    const error = item.fault ?? await failureOf(tree.check(dirname(item.target)));
    if (error !== undefined) await conclude(item, { error });
  }
  const { unchanged, blocked } = await compareTargets(withoutOutcome(), options);
  for (const item of unchanged) await conclude(item, { state: "there" });
  for (const [item, error] of blocked) await conclude(item, { error });
  const left = withoutOutcome();
  const bytes = left.reduce((sum, { file }) => sum + file.size, 0);
  const get = async (item: FolderItem, client: V4Client | undefined) => {
    const { file: { name }, target, isResumable, collisions } = item;
    const makeFolder = () => tree.make(dirname(target));
    const what = { name, version, target, range, isResumable, force, makeFolder };
    try {
      if (force) await collisions?.refuse(target);
      const io = ioOf(pool, options);
      await downloadFile(client ?? pool, { ...what, ...io }, client === undefined);
      await conclude(item, { state: "got" });
    } catch (error) {
      if (endsAll(error)) throw error;
      await conclude(item, { error: error as XferError });
    }
  };
  const getAll = async () => {
    try {
      // Whether two names are the same local file shows only when the first one exists.
      const isSmall = ({ file, collisions }: FolderItem) =>
        file.size < RESUMABLE_SIZE && collisions === undefined;
      const small = new WorkQueue(left.filter(isSmall));
      await pool.share(small, (client) => forEachConcurrently(small, (item) => get(item, client)));
      for (const item of left) if (!isSmall(item)) await get(item, undefined);
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      for (const item of withoutOutcome()) await conclude(item, { error });
    } finally {
      await tree.sync();
    }
    return [...lost, ...items.map((item) => outcomes.get(item) as GetOutcome)];
  };
  return { files: left.length, bytes, known, get: getAll };
}

/** The events and the abort signal of a run's download. */
function ioOf(
  pool: ConnectionPool,
  { connect: { onEvent = () => undefined, signal } }: GetOptions,
): Pick<FileDownloadOptions, "onEvent" | "onAdvance" | "signal"> {
  return { onEvent, onAdvance: () => pool.advance(), signal };
}

interface TargetComparison<I> {
  /** Files whose target has the same content as on the server. */
  readonly unchanged: ReadonlySet<I>;
  /** Files whose target must not be overwritten, with `UsageError` `target-exists`. */
  readonly blocked: ReadonlyMap<I, XferError>;
}

/** Compares files with their targets. Throws `InterruptedError` after an abort. */
async function compareTargets<I extends Pick<FolderItem, "file" | "target">>(
  items: readonly I[],
  { connect: { signal, onEvent }, range, force = false }: GetOptions,
): Promise<TargetComparison<I>> {
  const candidates = [];
  const blocked = new Map<I, XferError>();
  const block = (item: I) => force || blocked.set(item, exists(item.target));
  for (const item of items) {
    try {
      const info = await replaceable(item.target);
      if (info === undefined) continue;
      if (range !== undefined || !info.isFile || info.size !== item.file.size) block(item);
      else candidates.push({ item, file: SourceFile.found(item.target, info), known: item.file });
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      blocked.set(item, error);
    }
  }
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const same = await findSame(candidates, { onCompared, signal });
  const unchanged = new Set<I>();
  for (const candidate of candidates) {
    if (same.has(candidate)) unchanged.add(candidate.item);
    else block(candidate.item);
  }
  return { unchanged, blocked };
}

export function report(options: Pick<GetOptions, "onOutcome">, outcome: GetOutcome): GetOutcome {
  options.onOutcome?.(outcome);
  return outcome;
}

function nothingBelow(name: string): RefusedError {
  return new RefusedError("no-such-file", `no files in the folder ${printable(name)}`, {
    hint: "To see your files, run 'xfer client list'.",
  });
}

/** Returns the `XferError` that work fails with, if any. */
export async function failureOf(work: Promise<unknown>): Promise<XferError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof XferError) return error;
    throw error;
  }
}
