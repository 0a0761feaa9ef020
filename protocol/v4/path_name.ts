/**
 * Names of files in protocol 4: relative paths.
 *
 * @module
 */
import { nameFault } from "../file_name.ts";

/** Bytes of UTF-8 that a name has at most. */
export const MAX_PATH_NAME = 4096;

/** Why a name is not taken, in words that go on "its name …", or `undefined` for one that is. */
export function pathNameFault(name: string): string | undefined {
  if (name !== name.normalize("NFC")) return "is not in Unicode's composed form (NFC)";
  if (isTooLong(name)) {
    return `has more than ${MAX_PATH_NAME} bytes`;
  }
  for (const component of name.split("/")) {
    const fault = nameFault(component);
    if (fault !== undefined) return name.includes("/") ? `has a part that ${fault}` : fault;
  }
  return undefined;
}

export function isTooLong(name: string): boolean {
  return new TextEncoder().encode(name).length > MAX_PATH_NAME;
}

/** The names of the folders above a file, outermost first. */
export function foldersAbove(name: string): string[] {
  const components = name.split("/").slice(0, -1);
  return components.map((_, i) => components.slice(0, i + 1).join("/"));
}
