/**
 * Several files, or folders, got by their names.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { printable, UsageError, XferError } from "../../protocol/mod.ts";
import { endsAsFolder, lastPart } from "../local_paths.ts";
import { endsAll } from "../retries.ts";
import { type Known, sumOf } from "./folder_items.ts";
import {
  type GetOptions,
  type GetOutcome,
  type Plan,
  planFile,
  planFolder,
  report,
  tellPlanned,
} from "./get_files.ts";
import { Lanes } from "./lanes.ts";
import { checkFolder, isFolder, makeFolder, type TargetFolder } from "./target_folder.ts";

export interface GetManyOptions extends Omit<GetOptions, "name"> {
  readonly names: readonly string[];
  /**
   * Of several names the folder that they are written to, which is made where it is missing. Of one the path itself; in a
   * folder that is there, or that is made since the path ends as one, a file is written under the last component of its
   * name.
   */
  readonly target?: string | undefined;
  /** Whether the names are those of folders. */
  readonly recursive?: boolean | undefined;
}

/**
 * Gets files, or folders, one after another, when it is known what there is to be got in all; what keeps one from being
 * got is its outcome. Throws `UsageError` `one-name` and `same-name`.
 */
export async function getFiles(options: GetManyOptions): Promise<GetOutcome[]> {
  const { names, recursive = false } = options;
  const { targets, folder } = await placeAll(options);
  using lanes = new Lanes(options);
  const outcomes = names.map((): readonly GetOutcome[] => []);
  let end: XferError | undefined;
  /** Does one thing for a name, unless all has ended. */
  const attempt = async (i: number, work: (one: GetOptions) => Promise<void>) => {
    const [name, target] = [names[i], targets[i]] as [string, string];
    try {
      if (end !== undefined) throw end;
      await work({ ...options, name, target });
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      outcomes[i] = [report(options, { state: "not-got", name, target, error })];
    }
    const last = outcomes[i]?.at(-1);
    // Who was not let in is not let in for the next one, and is not asked again whom to trust.
    const isOver = last?.state === "not-got" && (endsAll(last.error) || !lanes.isIntroduced);
    if (isOver) end = last.error;
  };
  const plans = new Map<number, Plan>();
  let known: Known | undefined;
  end = await failureOf(checkFolder(folder));
  for (const i of names.keys()) {
    await attempt(i, async (one) => {
      const plan = recursive ? await planFolder(lanes, one, known) : await planFile(lanes, one);
      plans.set(i, plan);
      known = sumOf(plan.known, known);
    });
  }
  if (end === undefined && plans.size > 0) {
    tellPlanned(options, [...plans.values()]);
    const isEmpty = [...plans.values()].every(({ files }) => files === 0);
    if (folder.isMade && !isEmpty) end = await failureOf(makeFolder(folder.path));
  }
  for (const [i, plan] of plans) {
    // Of what is here already all is said.
    if (plan.files === 0) outcomes[i] = await plan.get();
    else await attempt(i, async () => void (outcomes[i] = await plan.get()));
  }
  return outcomes.flat();
}

/** What a check throws. */
async function failureOf(check: Promise<void>): Promise<XferError | undefined> {
  try {
    await check;
    return undefined;
  } catch (error) {
    if (error instanceof XferError) return error;
    throw error;
  }
}

interface Places {
  /** Where each is to be written. */
  readonly targets: readonly string[];
  /** Which folder they are written into. */
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
    throw new UsageError("one-name", "A version, or a range, can be had of one file alone", {
      hint: "Get the files one by one.",
    });
  }
  const targets = names.map((name) => join(target, lastPart(name)));
  refuseSame(names, targets);
  return { targets, folder: { path: target === "" ? "." : target, isMade: true } };
}

/** Throws `UsageError` `same-name` where two would be written to one place. */
function refuseSame(names: readonly string[], targets: readonly string[]): void {
  const earlier = new Map<string, string>();
  for (const [i, name] of names.entries()) {
    const path = targets[i] as string;
    const other = earlier.get(path);
    earlier.set(path, name);
    if (other === undefined) continue;
    if (other === name) {
      throw new UsageError("same-name", `${printable(name)} is named twice`, {
        hint: "Name it once.",
      });
    }
    throw new UsageError(
      "same-name",
      `Cannot write both ${printable(other)} and ${printable(name)} to ${printable(path)}`,
      { hint: "Get them one by one, each to its place: -o PATH." },
    );
  }
}
