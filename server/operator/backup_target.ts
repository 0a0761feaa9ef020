/**
 * Checks of the target of a copy. It must be new or empty, and outside the source.
 *
 * @module
 */
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { isThere } from "../fs/file_system.ts";

/** The topmost folder that must be created for a missing folder. */
export async function firstMissing(folder: string): Promise<string> {
  const above = dirname(folder);
  if (above === folder || await isThere(Deno, above)) return folder;
  return await firstMissing(above);
}

/** Throws `ConfigurationError` `target-in-source` if the target is inside the source, after following links. */
export async function refuseInside(source: string, target: string): Promise<void> {
  const [from, to] = [await Deno.realPath(source), await realPathOf(target)];
  const way = relative(from, to);
  if (isAbsolute(way) || way.split(sep)[0] === "..") return;
  throw new ConfigurationError(
    "target-in-source",
    `cannot copy to ${printable(target)}: it is inside ${printable(source)}`,
    { hint: "Choose a folder outside, ideally on another disk." },
  );
}

/** The real path of a folder, or the one that it would have. */
async function realPathOf(folder: string): Promise<string> {
  const above = dirname(folder);
  if (above === folder || await isThere(Deno, folder)) return await Deno.realPath(folder);
  return join(await realPathOf(above), basename(folder));
}

/**
 * Whether a folder exists. Throws `ConfigurationError` `target-not-empty` if it contains anything, and
 * `target-no-folder`.
 */
export async function isEmptyFolder(target: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(target)) {
      throw new ConfigurationError(
        "target-not-empty",
        `cannot copy to ${printable(target)}: it is not empty, it contains ${printable(name)}`,
        { hint: "Choose a new or empty folder." },
      );
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new ConfigurationError(
      "target-no-folder",
      `cannot copy to ${printable(target)}: it is a file, or inside one`,
      { hint: "Choose a new or empty folder.", cause: error },
    );
  }
}
