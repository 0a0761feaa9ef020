/**
 * The names on the server that one run uses. Each name belongs to one file.
 *
 * @module
 */
import { resolve } from "node:path";
import { printable } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import type { NamedPath } from "./named_path.ts";

export class SentNames {
  /** Real path and name on the server of each file. */
  readonly #named = new Set<string>();
  /** Local paths by name on the server. */
  readonly #paths = new Map<string, string>();

  /** Whether the same file was already named. It is uploaded once. */
  isRepeated({ path, real = path }: NamedPath, name: string): boolean {
    const key = JSON.stringify([name, real]);
    if (this.#named.has(key)) return true;
    this.#named.add(key);
    return false;
  }

  /**
   * Reserves a name for a file. Returns false if this file already has it. Throws `UsageError` `same-name` if an earlier
   * file has it, perhaps in another Unicode form: one would overwrite the other on the server.
   */
  claim(path: string, name: string): boolean {
    const composed = name.normalize("NFC");
    const earlier = this.#paths.get(composed);
    if (earlier === undefined) {
      this.#paths.set(composed, path);
      return true;
    }
    if (resolve(earlier) === resolve(path)) return false;
    if (path.normalize("NFC") === earlier.normalize("NFC")) throw sameAccents(path, name);
    throw sameName(path, name, `${printable(earlier)} is uploaded under this name`);
  }
}

/** Two files of one folder have names that differ only in the encoding of accents. */
export function sameAccents(path: string, name: string): UsageError {
  const why = "another file has this name with differently encoded accents (NFC, NFD)";
  return sameName(path, name, why);
}

function sameName(path: string, name: string, why: string): UsageError {
  return new UsageError(
    "same-name",
    `cannot upload ${printable(path)} as ${printable(name)}: ${why}`,
    { hint: "Rename it, or upload it by itself under another name with --as NAME (protocol 4)." },
  );
}
