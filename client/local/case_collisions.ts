/**
 * Names that differ, and are one where capitals and small letters are the same.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";

/** Whether two paths may be one. */
export function foldCase(path: string): string {
  return path.toUpperCase().toLowerCase();
}

/** Files of one look, of which one must not replace another. */
export class CaseCollisions {
  /** Paths of files that are here, by the system's identity of the file. */
  readonly #here = new Map<string, string>();

  /** Notes that a file is here, whole. */
  async add(path: string): Promise<void> {
    const id = await identify(path);
    if (id !== undefined) this.#here.set(id, path);
  }

  /** Throws `UsageError` `same-name` where a file that is here has another name as well, which is this path. */
  async refuse(path: string): Promise<void> {
    const id = await identify(path);
    const other = id === undefined ? undefined : this.#here.get(id);
    if (other === undefined) return;
    throw new UsageError(
      "same-name",
      `${printable(path)} and ${printable(other)} are one file on this file system`,
      { hint: "Get one of them by itself, under another name: -o PATH." },
    );
  }
}

async function identify(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await Deno.lstat(path);
    // Not every system numbers its files.
    return ino === null ? await Deno.realPath(path) : `${dev}:${ino}`;
  } catch {
    return undefined; // there is none
  }
}
