/**
 * Downloads files and folders over protocol 4. First it plans what to download, then it downloads.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { endsAll, UsageError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { endsAsFolder, lastPart } from "../local/path_mapping.ts";
import { type ListingSize, sumOf } from "./remote_folder.ts";
import {
  failureOf,
  type GetOptions,
  type GetOutcome,
  type GetPlan,
  planFile,
  planFolder,
  report,
  reportPlanned,
} from "./get_plan.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { checkFolder, isFolder, makeFolder, type TargetFolder } from "../local/target_folder.ts";

/**
 * Downloads a file over protocol 4 and verifies it. Interrupted downloads resume. Throws `UsageError` `target-exists`,
 * `bad-range`; `RefusedError` `no-such-file`, `damaged`; `IntegrityError` if the server sends damaged content;
 * `StorageError` if the file cannot be written; `NetworkError` when retries are used up; and the reason why the client
 * cannot sign in, as `putFiles` does.
 */
export async function getFile(options: GetOptions): Promise<GetOutcome> {
  using pool = new ConnectionPool(options.connect, options.transfer);
  const plan = await planFile(pool, options);
  reportPlanned(options, [plan]);
  const [outcome] = await plan.get();
  return outcome as GetOutcome;
}

/**
 * Downloads all files in a folder of the server over protocol 4, to a local folder. Returns the result of each file.
 * Throws errors that end the connection or concern all files, such as `RefusedError` `no-such-file`, `ProtocolError`
 * `too-many-files`.
 */
export async function getFolder(options: GetOptions): Promise<GetOutcome[]> {
  using pool = new ConnectionPool(options.connect, options.transfer);
  const plan = await planFolder(pool, options);
  reportPlanned(options, [plan]);
  return await plan.get();
}

/** The files to download, and where to write them. */
export interface GetManyOptions extends Omit<GetOptions, "name"> {
  /** Names of files on the server, or of folders with `recursive`. */
  readonly names: readonly string[];
  /**
   * For several names, the folder to write to, which is created if it is missing. For one name, the path to write to.
   * In an existing folder, or if the path ends with a slash, the file keeps the last component of its name.
   */
  readonly target?: string | undefined;
  /** Whether the names are folders, to download with all their files. */
  readonly recursive?: boolean | undefined;
}

/**
 * Downloads files or folders over protocol 4, as {@link getFile} does. Returns the result of each file. An error of one
 * does not stop the others. Throws `UsageError` `one-name` for a version or a range of several names.
 */
export async function getFiles(options: GetManyOptions): Promise<GetOutcome[]> {
  const { recursive = false } = options;
  const names = [...new Set(options.names)];
  const { targets, folder } = await placeAll({ ...options, names });
  using pool = new ConnectionPool(options.connect, options.transfer);
  const outcomes: GetOutcome[] = [];
  const onOutcome = (outcome: GetOutcome) => {
    outcomes.push(outcome);
    options.onOutcome?.(outcome);
  };
  let made: Promise<void> | undefined;
  const makeOnce = () => made ??= makeFolder(folder.path);
  // In a recursive download, each folder is created on its own.
  const makeFolderOnce = folder.isMade && !recursive ? makeOnce : undefined;
  let end = await failureOf(checkFolder(folder));
  /** Runs work for a name, unless the run has ended. */
  const attempt = async (i: number, work: (one: Targeted) => Promise<unknown>) => {
    const [name, target] = [names[i], targets[i]] as [string, string];
    const one = { ...options, name, target, onOutcome, makeFolder: makeFolderOnce };
    try {
      if (end !== undefined) throw end;
      await work(one);
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      report(one, { state: "not-got", name, target, error });
    }
    const last = outcomes.at(-1);
    // Without a sign-in, the next names would fail too, and the user would be asked again whether to trust the server.
    const isOver = last?.state === "not-got" && (endsAll(last.error) || !pool.isAuthenticated);
    if (isOver) end = last.error;
  };
  const plans = new Map<number, GetPlan>();
  let known: ListingSize | undefined;
  const byTarget = new Map<string, string>();
  for (const i of names.keys()) {
    await attempt(i, async (one) => {
      claimTarget(byTarget, one);
      const plan = recursive ? await planFolder(pool, one, known) : await planFile(pool, one);
      plans.set(i, plan);
      known = sumOf(plan.known, known);
    });
  }
  if (end === undefined && plans.size > 0) reportPlanned(options, [...plans.values()]);
  for (const [i, plan] of plans) {
    // Unchanged files already have their results.
    if (plan.files > 0) await attempt(i, () => plan.get());
  }
  return outcomes;
}

type Targeted = GetOptions & { readonly target: string };

interface Places {
  /** The path for each name. */
  readonly targets: readonly string[];
  /** The folder of all targets. */
  readonly folder: TargetFolder;
}

async function placeAll(options: GetManyOptions): Promise<Places> {
  const { names, target = "", version = 0, range, recursive = false } = options;
  const [only = ""] = names;
  if (names.length === 1 && recursive) {
    const root = target === "" ? lastPart(only) : target;
    return { targets: [root], folder: { path: root, isMade: true } };
  }
  if (names.length === 1) {
    const isInside = target === "" || endsAsFolder(target) || await isFolder(target);
    const path = isInside ? join(target, lastPart(only)) : target;
    return { targets: [path], folder: { path: dirname(path), isMade: isInside } };
  }
  if (version !== 0 || range !== undefined) {
    throw new UsageError("one-name", "--version and --range take exactly one file", {
      hint: "Download the files one by one.",
    });
  }
  const targets = names.map((name) => join(target, lastPart(name)));
  return { targets, folder: { path: target === "" ? "." : target, isMade: true } };
}

/** Throws `UsageError` `same-name` if an earlier name has the same target. */
function claimTarget(byTarget: Map<string, string>, { name, target }: Targeted): void {
  const other = byTarget.get(target);
  if (other === undefined) {
    byTarget.set(target, name);
    return;
  }
  throw new UsageError(
    "same-name",
    `cannot write both ${printable(other)} and ${printable(name)} to ${printable(target)}`,
    { hint: "Download them one by one, each to its own path with -o PATH." },
  );
}
