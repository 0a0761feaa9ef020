/**
 * The digests that are known of a section's files, and become known.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { comparedForm, MAX_PATH_NAME } from "../../protocol/v4/path_name.ts";
import { DigestIndex, type IndexUse } from "../local/digest_index.ts";
import type { LocalSection } from "./collect_files.ts";
import { digestContent } from "./entry_content.ts";
import type { FoundEntry } from "./found_entry.ts";

/** The form in which names are compared is up to three times as long as the longest name. */
const MAX_KEY = 3 * MAX_PATH_NAME;

const utf8 = new TextEncoder();

export class SectionDigests implements Disposable {
  /** Only folders have one. */
  readonly #index: DigestIndex | undefined;
  /** Where the names below the folder begin. */
  readonly #start: number;
  readonly #key: Bytes = new Uint8Array(MAX_KEY);

  constructor(identityFolder: string, { folder = "", real }: LocalSection, use: IndexUse) {
    this.#index = real === undefined ? undefined : DigestIndex.open(identityFolder, real, use);
    this.#start = folder === "" ? 0 : comparedForm(folder).length + 1;
  }

  /**
   * The digest of an entry, if it is known without reading a file. Entries come in their order. The result is valid
   * until the next call.
   */
  find(entry: FoundEntry): Bytes | undefined {
    if (entry.content !== undefined) return digestContent(entry.content);
    return this.#index?.find(this.#keyOf(entry), entry.stat);
  }

  /** Keeps the digest of a file for the next run. `isLate`: whether entries with later names came before. */
  keep(entry: FoundEntry, digest: Bytes, isLate = false): void {
    if (this.#index === undefined || entry.kind !== "file") return;
    const { stat, inspectedAt } = entry;
    if (isLate) this.#index.addLate(this.#keyOf(entry), stat, inspectedAt, digest);
    else this.#index.add(this.#keyOf(entry), stat, inspectedAt, digest);
  }

  /** Keeps the digest that the last call of {@link find} has found for this entry. */
  keepFound({ kind }: FoundEntry): void {
    if (kind === "file") this.#index?.keepFound();
  }

  /** Saves what was kept. `isWhole`: whether all entries came. */
  save(isWhole: boolean): void {
    this.#index?.save(isWhole);
  }

  [Symbol.dispose](): void {
    this.#index?.[Symbol.dispose]();
  }

  /** The name below the folder; valid until the next call. */
  #keyOf({ form }: FoundEntry): Bytes {
    const below = this.#start === 0 ? form : form.slice(this.#start);
    return this.#key.subarray(0, utf8.encodeInto(below, this.#key).written);
  }
}
