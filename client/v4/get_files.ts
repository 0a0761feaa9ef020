/**
 * Files got back by protocol 4, one or all below a folder.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import {
  printable,
  ProtocolError,
  RefusedError,
  UsageError,
  XferError,
} from "../../protocol/mod.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { SourceFile } from "../source_file.ts";
import type { RemoteFile } from "./download.ts";
import { excluder } from "./gather.ts";
import { FileGet, type Getting } from "./get_file.ts";
import { type LaneOptions, Lanes } from "./lanes.ts";
import { findSame } from "./local_files.ts";
import { exists, syncNames, writing } from "./part_file.ts";
import { RESUMABLE } from "./put_request.ts";
import type { SecureClient } from "./secure_client.ts";
import { SharedQueue } from "./shared_queue.ts";

/** Small files that are asked for at once on a connection: while one is synced, others come. */
const SIDE_BY_SIDE = 16;

export interface GetOptions extends LaneOptions {
  readonly name: string;
  /** 0, or without: the current one. */
  readonly version?: number | undefined;
  /** Where to write; without, the last component of the name, in this folder. */
  readonly target?: string | undefined;
  /** Bytes from the first up to but not the last. */
  readonly range?: { readonly from: number; readonly to: number } | undefined;
  /** Whether what is at the target is replaced. */
  readonly force?: boolean;
  /** Of a folder: what is not got; see `GatherOptions`. */
  readonly exclude?: readonly string[] | undefined;
  readonly onOutcome?: (outcome: GetOutcome) => void;
}

/** What came of a file. */
export type GetOutcome =
  & { readonly name: string; readonly target: string }
  & (
    /** It was written; `there`: what the server has was there already, and is left as it is. */
    | { readonly state: "got" | "there"; readonly file: RemoteFile }
    | { readonly state: "not-got"; readonly error: XferError }
  );

interface Item {
  readonly file: RemoteFile;
  readonly target: string;
}

/**
 * Gets a file. Throws `UsageError` `target-exists` where something else is at the target, and what `FileGet` does.
 */
export async function getFile(options: GetOptions): Promise<GetOutcome> {
  const { name, version = 0, target = basename(name), range, force = false } = options;
  using lanes = new Lanes(options);
  if (await isThere(target)) {
    if (range === undefined) {
      const file = await lanes.use(0, (client) => client.stat(name, version));
      const [same] = await findHere([{ file, target }], options);
      if (same !== undefined) return report(options, { state: "there", name, target, file });
    } else if (!force) throw exists(target);
  }
  const file = await getOne(lanes, { ...options, version, target, force }, true);
  await syncNames(dirname(target));
  return report(options, { state: "got", name, target, file });
}

/**
 * Gets all files below a folder, into a folder. Files that are there already are left as they are. Throws `UsageError`
 * `target-exists` where others are in the way, before anything is written, and what ends the connection; what concerns
 * one file is its outcome.
 */
export async function getFolder(options: GetOptions): Promise<GetOutcome[]> {
  const { name, target = basename(name), force = false, exclude = [] } = options;
  const root = join(target);
  const prefix = `${name.replace(/\/$/, "")}/`;
  const isExcluded = excluder(exclude);
  using lanes = new Lanes(options);
  const items = await lanes.use(0, async (client) => {
    const items: Item[] = [];
    await client.list(prefix, (file) => {
      const relative = file.name.slice(prefix.length);
      // What a server calls a file must not lead out of the folder.
      if (!file.name.startsWith(prefix) || pathNameFault(relative) !== undefined) {
        throw outside(file);
      }
      if (!isExcluded(relative)) items.push({ file, target: join(root, ...relative.split("/")) });
    });
    return items;
  });
  if (items.length === 0) throw nothingBelow(name);
  const outcomes = new Map<Item, GetOutcome>();
  const settle = (item: Item, outcome: { state: "got" | "there" } | { error: XferError }) => {
    const { file, file: { name }, target } = item;
    const told: GetOutcome = "error" in outcome
      ? { state: "not-got", name, target, error: outcome.error }
      : { ...outcome, name, target, file };
    outcomes.set(item, report(options, told));
  };
  for (const item of await findHere(items, options)) settle(item, { state: "there" });
  const left = items.filter((item) => !outcomes.has(item));
  const bytes = left.reduce((sum, { file }) => sum + file.size, 0);
  options.onEvent?.({ type: "planned", files: left.length, bytes });
  const folders = await makeFolders(root, left);
  const get = async (item: Item, client: SecureClient | undefined) => {
    const { target, file: { name, size } } = item;
    const getting = { ...options, name, target, force, isSmall: size < RESUMABLE };
    try {
      await getOne(client ?? lanes, getting, client === undefined);
      settle(item, { state: "got" });
    } catch (error) {
      if (isOfConnection(error)) throw error;
      settle(item, { error: error as XferError });
    }
  };
  try {
    const small = new SharedQueue(left.filter(({ file }) => file.size < RESUMABLE));
    await lanes.share(
      (client) => sideBySide(small, (item) => get(item, client)),
      () => small.isEmpty,
    );
    for (const item of left.filter(({ file }) => file.size >= RESUMABLE)) {
      await get(item, undefined);
    }
  } catch (error) {
    if (!(error instanceof XferError)) throw error;
    for (const item of left) if (!outcomes.has(item)) settle(item, { error });
  } finally {
    for (const folder of folders) await syncNames(folder);
  }
  return items.map((item) => outcomes.get(item) as GetOutcome);
}

type One =
  & Omit<GetOptions, "target">
  & Pick<Getting, "target" | "force" | "isSmall">;

/** Gets a file over one connection, or over those that there may be, again where the network fails. */
async function getOne(
  source: SecureClient | Lanes,
  { onEvent = () => undefined, ...options }: One,
  isLarge: boolean,
): Promise<RemoteFile> {
  const get = new FileGet({ ...options, onEvent });
  let failure: unknown;
  const run = async (clients: readonly SecureClient[]) => {
    try {
      return await get.run(clients.map(({ session }) => session.exchange));
    } catch (error) {
      // The rest of a large file is not waited for.
      if (isLarge) { for (const client of clients) client[Symbol.dispose](); }
      throw error;
    }
  };
  try {
    if (!(source instanceof Lanes)) return await run([source]);
    return await (source.count > 1 ? source.useAll(run) : source.use(0, (client) => run([client])));
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await get.end(failure);
  }
}

/** Does work for each, several at a time; what fails ends it, and is given back with what was at work. */
async function sideBySide<T>(queue: SharedQueue<T>, work: (item: T) => Promise<void>) {
  let failed = false;
  const workers = Array.from({ length: SIDE_BY_SIDE }, async () => {
    for (;;) {
      const item = failed ? undefined : queue.take();
      if (item === undefined) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        queue.giveBack([item]);
        throw error;
      }
    }
  });
  await Promise.allSettled(workers);
  await Promise.all(workers);
}

/** Which files are here as they are on the server. Throws `UsageError` `target-exists` for others, unless forced. */
async function findHere(
  items: readonly Item[],
  { force = false, onEvent }: GetOptions,
): Promise<Item[]> {
  const candidates = [];
  const inTheWay: string[] = [];
  for (const item of items) {
    const info = await Deno.lstat(item.target).catch(() => undefined);
    if (info === undefined) continue;
    if (!info.isFile || info.size !== item.file.size) inTheWay.push(item.target);
    else candidates.push({ item, file: SourceFile.found(item.target, info), known: item.file });
  }
  const onCompared = (done: number, total: number) => onEvent?.({ type: "comparing", done, total });
  const same = await findSame(candidates, onCompared);
  for (const candidate of candidates) {
    if (!same.has(candidate)) inTheWay.push(candidate.item.target);
  }
  const [first] = inTheWay;
  if (first !== undefined && !force) throw inTheWay.length === 1 ? exists(first) : exist(inTheWay);
  return candidates.filter((candidate) => same.has(candidate)).map(({ item }) => item);
}

/** Makes the folders that files are to be in; returns those in which names will be new, the innermost first. */
async function makeFolders(root: string, items: readonly Item[]): Promise<string[]> {
  const folders = new Set<string>();
  for (const { target } of items) folders.add(dirname(target));
  for (const folder of folders) {
    await writing(folder, () => Deno.mkdir(folder, { recursive: true }));
  }
  if (items.length === 0) return [];
  for (const folder of [...folders]) {
    for (let above = folder; above !== dirname(root); above = dirname(above)) folders.add(above);
  }
  folders.add(dirname(root));
  return [...folders].sort((a, b) => b.length - a.length);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).catch(() => undefined) !== undefined;
}

/** Whether an error says something about the next file. */
function isOfConnection(error: unknown): boolean {
  if (!(error instanceof XferError)) return true;
  return error.category === "network" || error.category === "protocol";
}

function report(options: GetOptions, outcome: GetOutcome): GetOutcome {
  options.onOutcome?.(outcome);
  return outcome;
}

function nothingBelow(name: string): RefusedError {
  return new RefusedError("no-such-file", `There is nothing to get below ${printable(name)}`, {
    hint: "See what there is: xfer client list.",
  });
}

function outside({ name }: RemoteFile): ProtocolError {
  return new ProtocolError(
    "bad-file-name",
    `The server tells of a file that can't be in this folder: ${printable(name)}`,
  );
}

function exist(targets: readonly string[]): UsageError {
  const [first = ""] = targets;
  const others = targets.length - 1;
  return new UsageError(
    "target-exists",
    `${printable(first)} and ${others} more are there already, and are not what the server has`,
    { hint: "Nothing was got. Name another folder: -o PATH, or replace them: --force." },
  );
}
