/**
 * Several files, or folders, got by their names.
 *
 * @module
 */
import { join } from "node:path";
import { printable, UsageError, XferError } from "../../protocol/mod.ts";
import { lastPart } from "../local_paths.ts";
import { endsAll } from "../retries.ts";
import {
  getFileOver,
  getFolderOver,
  type GetOptions,
  type GetOutcome,
  report,
} from "./get_files.ts";
import { Lanes } from "./lanes.ts";
import { writing } from "./part_file.ts";

export interface GetManyOptions extends Omit<GetOptions, "name"> {
  readonly names: readonly string[];
  /**
   * Of several names the folder that they are written to, which is made where it is missing. Of one the path itself; in a
   * folder that is there a file is written under the last component of its name.
   */
  readonly target?: string | undefined;
  /** Whether the names are those of folders. */
  readonly recursive?: boolean | undefined;
}

/**
 * Gets files, or folders, one after another; what keeps one from being got is its outcome. Throws `UsageError` `one-name`
 * and `same-name`, and `StorageError` `cannot-write` where there can't be a folder for several, before anything is got.
 */
export async function getFiles(options: GetManyOptions): Promise<GetOutcome[]> {
  const { names, recursive = false } = options;
  const wanted = await placeAll(options);
  using lanes = new Lanes(options);
  const outcomes: GetOutcome[] = [];
  let end: XferError | undefined;
  for (const [i, name] of names.entries()) {
    const target = wanted[i] as string;
    const one = { ...options, name, target };
    try {
      if (end !== undefined) throw end;
      if (recursive) outcomes.push(...await getFolderOver(lanes, one));
      else outcomes.push(await getFileOver(lanes, one));
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      outcomes.push(report(options, { state: "not-got", name, target, error }));
    }
    const last = outcomes.at(-1);
    // Who was not let in is not let in for the next one, and is not asked again whom to trust.
    const isOver = last?.state === "not-got" && (endsAll(last.error) || !lanes.isIntroduced);
    if (isOver) end = last.error;
  }
  return outcomes;
}

/** Where each is to be written. */
async function placeAll(options: GetManyOptions): Promise<string[]> {
  const { names, target, version = 0, range, recursive = false } = options;
  const [only = ""] = names;
  if (names.length === 1) {
    if (target === undefined) return [lastPart(only)];
    const isFolder = !recursive && await Deno.stat(target).then((info) => info.isDirectory, no);
    return [isFolder ? join(target, lastPart(only)) : target];
  }
  if (version !== 0 || range !== undefined) {
    throw new UsageError("one-name", "A version, or a range, can be had of one file alone", {
      hint: "Get the files one by one.",
    });
  }
  const targets = names.map((name) => join(target ?? "", lastPart(name)));
  const twice = targets.findIndex((path, i) => targets.indexOf(path) !== i);
  if (twice >= 0) {
    const [path = "", name = ""] = [targets[twice], names[twice]];
    const other = names[targets.indexOf(path)] as string;
    throw new UsageError(
      "same-name",
      `Cannot write both ${printable(other)} and ${printable(name)} to ${printable(path)}`,
      { hint: "Get them one by one, each to its place: -o PATH." },
    );
  }
  if (target !== undefined) await writing(target, () => Deno.mkdir(target, { recursive: true }));
  return targets;
}

const no = () => false;
