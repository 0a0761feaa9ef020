/**
 * Files that list paths or patterns, for `--files-from` and `--exclude-from`.
 *
 * @module
 */
import { reasonOf, StorageError, UsageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { shownSource, STANDARD_INPUT } from "../../protocol/standard_input.ts";

/** The most bytes of a list: a million paths of 256 bytes. */
const MAX_LIST = 256 * 1024 * 1024;

export interface ListFileOptions {
  /** Whether a NUL ends each item, and not a line break. */
  readonly nul?: boolean | undefined;
}

/**
 * Returns the items of a file, or of standard input for `-`, without empty ones. Throws `StorageError` `cannot-read`;
 * `UsageError` `bad-list` if it is too long or not UTF-8.
 */
export async function readListFile(
  path: string,
  { nul = false }: ListFileOptions = {},
): Promise<string[]> {
  const shown = printable(shownSource(path));
  const text = decode(await readAll(path, shown), shown);
  return text.split(nul ? "\0" : /\r?\n/).filter((item) => item !== "");
}

async function readAll(path: string, shown: string): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    const source = path === STANDARD_INPUT ? Deno.stdin : await Deno.open(path);
    for await (const piece of source.readable) {
      size += piece.length;
      if (size > MAX_LIST) throw badList(shown, `it is longer than ${MAX_LIST} bytes`);
      pieces.push(piece);
    }
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new StorageError("cannot-read", `cannot read ${shown}: ${reasonOf(cause)}`, {
      hint: "Check the path and its permissions.",
      cause,
    });
  }
  return pieces;
}

function decode(pieces: readonly Uint8Array[], shown: string): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    const texts = pieces.map((piece) => decoder.decode(piece, { stream: true }));
    return texts.join("") + decoder.decode();
  } catch {
    throw badList(shown, "it is not UTF-8");
  }
}

function badList(shown: string, why: string): UsageError {
  return new UsageError("bad-list", `cannot use the list in ${shown}: ${why}`, {
    hint: "Write one path per line in UTF-8, or end each with a NUL and add --from0.",
  });
}
