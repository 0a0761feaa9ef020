/**
 * Folders without an entry of their own. They exist because something is below them.
 *
 * @module
 */
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The description of a folder without an entry. */
export function implicitFolder(name: string): RemoteFile {
  return {
    ...{ name, version: 0, entry: "folder", mode: undefined, size: 0, mtime: 0n },
    ...{ storedAt: 0, endedAt: 0, cksum: 0, digest: new Uint8Array(32), confirmedAt: 0 },
  };
}

/** Finds implicit folders in a list that is sorted by name. Takes no more memory than the longest name. */
export class ImplicitFolders {
  /** Entries that the next names may be below, each a beginning of the next. */
  #entries: string[] = [];
  #last = "";

  /** The implicit folders above a name, as far as no name before it was below them; the outermost first. */
  above(name: string): string[] {
    const key = comparedForm(name);
    this.#entries = this.#entries.filter((entry) => key.startsWith(entry));
    const last = this.#last;
    const found = foldersAbove(key).filter((folder) =>
      !last.startsWith(`${folder}/`) && !this.#entries.includes(folder)
    );
    this.#entries.push(key);
    this.#last = key;
    return found;
  }
}

/** The names of the folders above a name, the outermost first. */
export function foldersAbove(name: string): string[] {
  return [...name.matchAll(/\//g)].map(({ index }) => name.slice(0, index));
}
