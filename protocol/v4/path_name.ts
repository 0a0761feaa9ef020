/**
 * Names of files over protocol 4: relative paths.
 *
 * @module
 */
import { nameFault } from "../file_name.ts";

/** The longest name, in bytes of UTF-8. */
export const MAX_PATH_NAME = 4096;
/** The most components of a name, because each costs a lookup or a folder where the file is stored. */
export const MAX_PATH_DEPTH = 128;

/** Why a file must not have this path as its name, to follow "its name"; `undefined` if it may. */
export function pathNameFault(name: string): string | undefined {
  if (isTooLong(name)) return `is longer than ${MAX_PATH_NAME} bytes`;
  const components = name.split("/");
  if (components.length > MAX_PATH_DEPTH) return `has more than ${MAX_PATH_DEPTH} parts`;
  if (name !== name.normalize("NFC")) return "is not in Unicode normalization form C (NFC)";
  for (const component of components) {
    const fault = nameFault(component);
    if (fault !== undefined) return name.includes("/") ? `has a part that ${fault}` : fault;
  }
  return undefined;
}

export function isTooLong(name: string): boolean {
  return new TextEncoder().encode(name).length > MAX_PATH_NAME;
}
