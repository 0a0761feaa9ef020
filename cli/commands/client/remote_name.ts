/**
 * Names of files on the server, as they are given to commands.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { fromPrintable, RefusedError, shellWord, type XferError } from "../../../protocol/mod.ts";

/** The argument of commands that are about one file on the server. */
export const REMOTE_NAME = "the name of the file on the server";

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

/** What is said where a version is asked for that there is not. */
export function hintVersions(error: XferError, name: string): XferError {
  const hint = `See which there are: xfer client versions ${shellWord(name)}.`;
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}
