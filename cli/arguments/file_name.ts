/**
 * Names of files on the server, as arguments of commands.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { withoutEndSlashes } from "../../protocol/file_name.ts";
import { fromPrintable } from "../../protocol/printable.ts";

/**
 * A name as it is, or as it was printed: `\u{…}` stands for a character. The name of a folder may end in a slash, as
 * shells complete it. Throws commander's `InvalidArgumentError` for an empty one.
 */
export function parseName(name: string): string {
  return withoutEndSlashes(parsePattern(name));
}

function parsePattern(name: string): string {
  if (name !== "") return fromPrintable(name);
  throw new InvalidArgumentError("Expected a name.");
}

/** Parses one of several names or patterns. Commander passes each name with those before it. */
export function parseNames(name: string, before: readonly string[] = []): string[] {
  return [...before, parsePattern(name)];
}
