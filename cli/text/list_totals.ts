/**
 * The last line of an operator's lists.
 *
 * @module
 */
import { plural } from "./format.ts";
import type { Presentation } from "./presentation.ts";

interface Counts {
  readonly accounts: number;
  readonly files: number;
  readonly oldVersions: number;
  /** The bytes of files and old versions together. */
  readonly bytes: number;
}

/** Adds up accounts and what they have stored. */
export class ListTotals {
  #counts: Counts = { accounts: 0, files: 0, oldVersions: 0, bytes: 0 };

  add({ accounts = 0, files = 0, oldVersions = 0, bytes = 0 }: Partial<Counts>): void {
    const before = this.#counts;
    this.#counts = {
      accounts: before.accounts + accounts,
      files: before.files + files,
      oldVersions: before.oldVersions + oldVersions,
      bytes: before.bytes + bytes,
    };
  }

  /** `2 accounts, 5 files, 1 old version (36 B)` */
  words({ size }: Pick<Presentation, "size">): string {
    const { accounts, files, oldVersions, bytes } = this.#counts;
    if (accounts === 0) return "No accounts";
    return [
      plural(accounts, "account"),
      plural(files, "file"),
      ...oldVersions === 0 ? [] : [plural(oldVersions, "old version")],
    ].join(", ") + ` (${size(bytes)})`;
  }
}
