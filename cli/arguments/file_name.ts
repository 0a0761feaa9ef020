/**
 * Names of files on the server, as they are given to commands.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { fromPrintable } from "../../protocol/printable.ts";

/**
 * A name as it is, or as it was printed: `\u{…}` stands for a character, since no name has a backslash. Throws
 * commander's `InvalidArgumentError` for an empty one.
 */
export function parseName(name: string): string {
  if (name !== "") return fromPrintable(name);
  throw new InvalidArgumentError("It is empty.");
}

/** The same of several, each of which comes with those before it. */
export function parseNames(name: string, before: readonly string[] = []): string[] {
  return [...before, parseName(name)];
}
