/**
 * Files got back by protocol 4, one or all below a folder.
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
import { type Item, type ListingSize, listItems } from "./remote_folder.ts";
import { type ByteRange, FileGet, type Getting, wantedBytes } from "./get_file.ts";
import { ConnectionPool, type TransferOptions } from "./connection_pool.ts";
import { findSame } from "../local/find_unchanged.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { exists, syncNames } from "../local/partial_file.ts";
import { checkSize, type RemoteFile, RESUMABLE_SIZE } from "./remote_file.ts";
import type { V4Client } from "./client.ts";
import { sideBySide, WorkQueue } from "./work_queue.ts";
import { TargetTree } from "../local/target_tree.ts";

/** What to download, and where to write it. */
export interface GetOptions {
  /** The server, and who the client is. */
  readonly connect: ConnectOptions;
  /** Connections and retries. */
  readonly transfer?: TransferOptions;
  /** The name on the server. */
  readonly name: string;
  /** 0, the default: the current one. */
  readonly version?: number | undefined;
  /** The path to write to; by default the last component of the name, in the working directory. */
  readonly target?: string | undefined;
  /** Only these bytes of the file. */
  readonly range?: ByteRange | undefined;
  /** Overwrite what is at the target. */
  readonly force?: boolean;
  /** Of a folder: patterns of files to skip; see `FileSelection`. */
  readonly exclude?: readonly string[] | undefined;
  /** Called with the result of each file, as soon as it is known. */
  readonly onOutcome?: (outcome: GetOutcome) => void;
  /**
   * Makes the folder of the target as soon as there is something to write; without it, the folder exists.
   *
   * @internal
   */
  readonly makeFolder?: (() => Promise<void>) | undefined;
}

/** The result of one file. `there`: the target already has this content and was left alone. */
export type GetOutcome =
  & { readonly name: string; readonly target: string }
  & (
    | { readonly state: "got" | "there"; readonly file: RemoteFile }
    | { readonly state: "not-got"; readonly error: XferError }
  );

/** What there is to be got, which is known before any of it is. */
export interface Plan {
  /** What is here already is not counted. */
  readonly files: number;
  readonly bytes: number;
  /** What is kept in memory of it. */
  readonly known: ListingSize;
  /** Gets it, as it is by then. Throws what ends the connection, and what concerns all of it. */
  readonly get: () => Promise<GetOutcome[]>;
}

/**
 * Downloads a file over protocol 4 and verifies it. Interrupted downloads resume. Throws `UsageError` `target-exists`,
 * `bad-range`; `RefusedError` `no-such-file`, `damaged`; `IntegrityError` if what arrives is not what was stored;
 * `StorageError` if it cannot be written; `NetworkError` when retries are used up; and what keeps the client from logging
 * in, as `putFiles` does.
 */
export async function getFile(options: GetOptions): Promise<GetOutcome> {
  using pool = new ConnectionPool(options.connect, options.transfer);
  const plan = await planFile(pool, options);
  reportPlanned(options, [plan]);
  const [outcome] = await plan.get();
  return outcome as GetOutcome;
}

/** Looks at what there is of a file, there and here. Throws what `getFile` does. */
export async function planFile(pool: ConnectionPool, options: GetOptions): Promise<Plan> {
  const { name, version = 0, target = lastPart(name), range, force = false } = options;
  const file = await pool.use(0, (client) => client.stat(name, version));
  checkSize(file);
  const bytes = wantedBytes(file, range);
  const fault = localFault(target);
  if (fault !== undefined) throw fault;
  const known = { files: 1, folders: 0, characters: name.length };
  const item = { file, target };
  const { here, inTheWay } = await findHere([item], options);
  const error = inTheWay.get(item);
  if (error !== undefined) throw error;
  if (here.has(item)) {
    const there = report(options, { state: "there", name, target, file });
    return { files: 0, bytes: 0, known, get: () => Promise.resolve([there]) };
  }
  const get = async () => {
    const onAdvance = () => pool.advance();
    const file = await getOne(pool, { ...options, version, target, force, onAdvance }, true);
    await syncNames(dirname(target));
    return [report(options, { state: "got", name, target, file })];
  };
  return { files: 1, bytes, known, get };
}

/** Tells how much there is to be got in all. */
export function reportPlanned(
  { connect: { onEvent } }: Pick<GetOptions, "connect">,
  plans: readonly Plan[],
) {
  const sum = (of: "files" | "bytes") => plans.reduce((sum, plan) => sum + plan[of], 0);
  onEvent?.({ type: "planned", files: sum("files"), bytes: sum("bytes") });
}

/**
 * Gets all files below a folder, into a folder. Files that are there already are left as they are. What concerns one file
 * is its outcome. Throws what ends the connection, and what concerns all of them.
 */
export async function getFolder(options: GetOptions): Promise<GetOutcome[]> {
  using pool = new ConnectionPool(options.connect, options.transfer);
  const plan = await planFolder(pool, options);
  reportPlanned(options, [plan]);
  return await plan.get();
}

/**
 * Looks at what there is of a folder, there and here. `before` is kept in memory of others. Throws what `getFolder` does.
 */
export async function planFolder(
  pool: ConnectionPool,
  options: GetOptions,
  before?: ListingSize,
): Promise<Plan> {
  const { name, target = lastPart(name), force = false, exclude = [] } = options;
  const root = dirname(join(target, "file"));
  const isExcluded = excluder(exclude);
  const folder = { name, root, isExcluded, known: before };
  const { items, known, damaged } = await listItems(pool, folder);
  if (items.length + damaged.length === 0) throw nothingBelow(name);
  const lost = damaged.map((file) => report(options, { state: "not-got", ...file }));
  const tree = new TargetTree(root);
  const outcomes = new Map<Item, GetOutcome>();
  const settle = async (item: Item, outcome: { state: "got" | "there" } | { error: XferError }) => {
    const { file, file: { name }, target, twins } = item;
    const told: GetOutcome = "error" in outcome
      ? { state: "not-got", name, target, error: outcome.error }
      : { ...outcome, name, target, file };
    outcomes.set(item, report(options, told));
    pool.advance();
    if (told.state !== "not-got") await twins?.add(target);
  };
  const unsettled = () => items.filter((item) => !outcomes.has(item));
  for (const item of items) {
    const error = item.fault ?? await failureOf(tree.check(dirname(item.target)));
    if (error !== undefined) await settle(item, { error });
  }
  const { here, inTheWay } = await findHere(unsettled(), options);
  for (const item of here) await settle(item, { state: "there" });
  for (const [item, error] of inTheWay) await settle(item, { error });
  const left = unsettled();
  const bytes = left.reduce((sum, { file }) => sum + file.size, 0);
  const get = async (item: Item, client: V4Client | undefined) => {
    const { file: { name }, target, isResumable, twins } = item;
    const makeFolder = () => tree.make(dirname(target));
    const onAdvance = () => pool.advance();
    const getting = { ...options, name, target, isResumable, force, makeFolder, onAdvance };
    try {
      if (force) await twins?.refuse(target);
      await getOne(client ?? pool, getting, client === undefined);
      await settle(item, { state: "got" });
    } catch (error) {
      if (endsAll(error)) throw error;
      await settle(item, { error: error as XferError });
    }
  };
  const getAll = async () => {
    try {
      // Which of twins is there is known only when the other has come.
      const isSmall = ({ file, twins }: Item) => file.size < RESUMABLE_SIZE && twins === undefined;
      const small = new WorkQueue(left.filter(isSmall));
      await pool.share(small, (client) => sideBySide(small, (item) => get(item, client)));
      for (const item of left) if (!isSmall(item)) await get(item, undefined);
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      for (const item of unsettled()) await settle(item, { error });
    } finally {
      await tree.sync();
    }
    return [...lost, ...items.map((item) => outcomes.get(item) as GetOutcome)];
  };
  return { files: left.length, bytes, known, get: getAll };
}

type One =
  & Omit<GetOptions, "target">
  & Pick<Getting, "target" | "force" | "isResumable" | "onAdvance">;

/** Gets a file over one connection, or over those that there may be, again where the network fails. */
async function getOne(
  source: V4Client | ConnectionPool,
  { connect: { onEvent = () => undefined, signal }, ...options }: One,
  isLarge: boolean,
): Promise<RemoteFile> {
  const get = new FileGet({ ...options, onEvent, signal });
  let failure: unknown;
  const run = async (clients: readonly V4Client[]) => {
    try {
      return await get.run(clients.map(({ session }) => session.mux));
    } catch (error) {
      // The rest of a large file is not waited for.
      if (isLarge) { for (const client of clients) client[Symbol.dispose](); }
      throw error;
    }
  };
  try {
    if (!(source instanceof ConnectionPool)) return await run([source]);
    return await (source.count > 1 ? source.useAll(run) : source.use(0, (client) => run([client])));
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await get.end(failure);
  }
}

interface Here<I> {
  /** Files that are here as they are on the server. */
  readonly here: ReadonlySet<I>;
  /** Why others are not replaced: `UsageError` `target-exists`. */
  readonly inTheWay: ReadonlyMap<I, XferError>;
}

/** Looks at what is in the place of files. Throws `InterruptedError` where it is to stop. */
async function findHere<I extends Pick<Item, "file" | "target">>(
  items: readonly I[],
  { connect: { signal, onEvent }, range, force = false }: GetOptions,
): Promise<Here<I>> {
  const candidates = [];
  const inTheWay = new Map<I, XferError>();
  const block = (item: I) => force || inTheWay.set(item, exists(item.target));
  for (const item of items) {
    try {
      const info = await replaceable(item.target);
      if (info === undefined) continue;
      if (range !== undefined || !info.isFile || info.size !== item.file.size) block(item);
      else candidates.push({ item, file: SourceFile.found(item.target, info), known: item.file });
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      inTheWay.set(item, error);
    }
  }
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const same = await findSame(candidates, { onCompared, signal });
  const here = new Set<I>();
  for (const candidate of candidates) {
    if (same.has(candidate)) here.add(candidate.item);
    else block(candidate.item);
  }
  return { here, inTheWay };
}

export function report(options: Pick<GetOptions, "onOutcome">, outcome: GetOutcome): GetOutcome {
  options.onOutcome?.(outcome);
  return outcome;
}

function nothingBelow(name: string): RefusedError {
  return new RefusedError("no-such-file", `There is nothing to get below ${printable(name)}`, {
    hint: "See what there is: xfer client list.",
  });
}

/** The error that work ends with, if it is one of ours. */
export async function failureOf(work: Promise<unknown>): Promise<XferError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof XferError) return error;
    throw error;
  }
}
