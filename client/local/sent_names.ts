/**
 * What the files of one run are called on the server: each name is one file's.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import type { NamedPath } from "./named_path.ts";

export class SentNames {
  /** By where it is and what it is called on the server. */
  readonly #named = new Set<string>();
  /** Paths by names on the server. */
  readonly #paths = new Map<string, string>();

  /** Whether the same was named before: it is sent once. */
  isRepeated({ path, real = path }: NamedPath, name: string): boolean {
    const key = JSON.stringify([name, real]);
    if (this.#named.has(key)) return true;
    this.#named.add(key);
    return false;
  }

  /**
   * Gives a name to a file. Throws `UsageError` `same-name` where an earlier one has it, perhaps in another form of
   * Unicode: on the server it would replace that.
   */
  claim(path: string, name: string): void {
    const composed = name.normalize("NFC");
    const earlier = this.#paths.get(composed);
    if (earlier === undefined) {
      this.#paths.set(composed, path);
      return;
    }
    throw new UsageError(
      "same-name",
      `Cannot send ${printable(path)} as ${printable(name)}: ` +
        (path.normalize("NFC") === earlier.normalize("NFC")
          ? "another file has this name, with its accents encoded otherwise (NFC, NFD)"
          : `${printable(earlier)} is sent under this name`),
      { hint: "Rename it, or send it by itself under another name: --as NAME (protocol 4)." },
    );
  }
}
