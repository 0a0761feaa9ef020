/**
 * The folder that a store is copied to, which must be new or empty, and elsewhere.
 *
 * @module
 */
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { isThere } from "../fs/file_system.ts";

/** The topmost folder that has to be made for a folder that is not there. */
export async function firstMissing(folder: string): Promise<string> {
  const above = dirname(folder);
  if (above === folder || await isThere(Deno, above)) return folder;
  return await firstMissing(above);
}

/** Throws `ConfigurationError` `target-in-source` where a folder, wherever links lead, is in another. */
export async function refuseInside(source: string, target: string): Promise<void> {
  const [from, to] = [await Deno.realPath(source), await realPathOf(target)];
  const way = relative(from, to);
  if (isAbsolute(way) || way.split(sep)[0] === "..") return;
  throw new ConfigurationError(
    "target-in-source",
    `Cannot copy to ${printable(target)}: it is in ${printable(source)}, which is to be copied`,
    { hint: "Name a folder outside, best on another disk." },
  );
}

/** Where a folder really is, or would be, made as it is named. */
async function realPathOf(folder: string): Promise<string> {
  const above = dirname(folder);
  if (above === folder || await isThere(Deno, folder)) return await Deno.realPath(folder);
  return join(await realPathOf(above), basename(folder));
}

/**
 * Whether a folder is there. Throws `ConfigurationError` `target-not-empty` where there is anything in it, and
 * `target-no-folder`.
 */
export async function isEmptyFolder(target: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(target)) {
      throw new ConfigurationError(
        "target-not-empty",
        `Cannot copy to ${printable(target)}: it is not empty, ${printable(name)} is there`,
        { hint: "Name a folder that is new or empty." },
      );
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new ConfigurationError(
      "target-no-folder",
      `Cannot copy to ${printable(target)}: it is, or is below, a file`,
      { hint: "Name a folder that is new or empty.", cause: error },
    );
  }
}
