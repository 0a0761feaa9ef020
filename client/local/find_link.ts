/**
 * Finds a link in a path, which must not lead out of the folder of a download.
 *
 * @module
 */
import { dirname } from "node:path";

/** Returns the path of a link among a folder below `root` and those above it; `undefined` if none is one. */
export function findLink(folder: string, root: string): string | undefined {
  for (let at = folder; at !== root; at = dirname(at)) {
    if (isLink(at)) return at;
  }
  return undefined;
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false; // no such file
  }
}
