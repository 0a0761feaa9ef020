/**
 * Numbers of entries, for people.
 *
 * @module
 */
import type { EntryKind } from "../../protocol/entry.ts";
import { plural } from "./format.ts";
import type { Presentation } from "./presentation.ts";

export interface EntryCounts {
  readonly files: number;
  readonly folders: number;
  readonly links: number;
}

/** `2 folders, 5 files, 1 link` */
export function contents({ files, folders, links }: EntryCounts): string {
  const parts = [[folders, "folder"], [files, "file"], [links, "link"]] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, what]) => plural(count, what));
  return shown.length === 0 ? "nothing" : shown.join(", ");
}

/** Adds up entries. */
export class EntryTotals {
  readonly #counts: Record<EntryKind, number> = { file: 0, folder: 0, link: 0 };
  #size = 0;

  add({ kind, size }: { readonly kind: EntryKind; readonly size: number }): void {
    this.#counts[kind]++;
    if (kind === "file") this.#size += size;
  }

  get counts(): EntryCounts {
    const { file: files, folder: folders, link: links } = this.#counts;
    return { files, folders, links };
  }

  /** The number of entries. */
  get entries(): number {
    const { file, folder, link } = this.#counts;
    return file + folder + link;
  }

  /** The bytes of the files. */
  get size(): number {
    return this.#size;
  }

  /** `1 folder, 5 files (36 B)`; without files, only the numbers; without entries, `none`. */
  words({ size }: Pick<Presentation, "size">, none = "No entries"): string {
    if (this.entries === 0) return none;
    return contents(this.counts) + (this.#counts.file === 0 ? "" : ` (${size(this.#size)})`);
  }
}
