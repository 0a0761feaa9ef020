/**
 * Names of files in protocol 4: relative paths.
 *
 * @module
 */
import { nameFault } from "../file_name.ts";

/** Bytes of UTF-8 that a name has at most. */
export const MAX_PATH_NAME = 4096;
/** Components that a name has at most: each costs whoever stores or makes the file a look, or a folder. */
export const MAX_PATH_DEPTH = 128;

/** Why a name is not taken, in words that go on "its name …", or `undefined` for one that is. */
export function pathNameFault(name: string): string | undefined {
  if (isTooLong(name)) return `has more than ${MAX_PATH_NAME} bytes`;
  const components = name.split("/");
  if (components.length > MAX_PATH_DEPTH) return `has more than ${MAX_PATH_DEPTH} parts`;
  if (name !== name.normalize("NFC")) return "is not in Unicode's composed form (NFC)";
  for (const component of components) {
    const fault = nameFault(component);
    if (fault !== undefined) return name.includes("/") ? `has a part that ${fault}` : fault;
  }
  return undefined;
}

export function isTooLong(name: string): boolean {
  return new TextEncoder().encode(name).length > MAX_PATH_NAME;
}
