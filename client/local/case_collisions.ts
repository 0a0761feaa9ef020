/**
 * Finds names that are the same file on a file system that ignores case, or the form of letters with marks.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";

/** Folds case and form: two paths with the same result may be the same file. */
export function foldCase(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase();
}

/** Files of one run whose names differ only in case or form. One must not overwrite another. */
export class CaseCollisions {
  /** Paths of files that exist, by device and inode. */
  readonly #existing = new Map<string, string>();

  /** Records that a file exists in full. */
  async add(path: string): Promise<void> {
    const id = await identify(path);
    if (id !== undefined) this.#existing.set(id, path);
  }

  /** Throws `UsageError` `same-name` if `path` leads to a recorded file that has another name. */
  async refuse(path: string): Promise<void> {
    const id = await identify(path);
    const other = id === undefined ? undefined : this.#existing.get(id);
    if (other === undefined) return;
    throw new UsageError(
      "same-name",
      `${printable(path)} and ${printable(other)} are the same file on this file system`,
      { hint: "Download one of them by itself to another path with -o PATH." },
    );
  }
}

async function identify(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await Deno.lstat(path);
    // Not every system has inode numbers.
    return ino === null ? await Deno.realPath(path) : `${dev}:${ino}`;
  } catch {
    return undefined; // no such file
  }
}
