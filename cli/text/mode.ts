/**
 * Permission bits for people.
 *
 * @module
 */
import type { EntryKind } from "../../protocol/entry.ts";

/** The first letter of a line of `ls -l`. */
const KIND_LETTERS: Readonly<Record<EntryKind, string>> = { file: "-", folder: "d", link: "l" };

/** Letters of the bits that replace an `x`: setuid, setgid, sticky; in lower case if the `x` is set, too. */
const SPECIAL = ["s", "s", "t"] as const;

/** `-rw-r--r--`, as `ls -l` prints it; nine question marks if the mode is unknown. */
export function symbolicMode(kind: EntryKind, mode: number | undefined): string {
  const letter = KIND_LETTERS[kind];
  if (mode === undefined) return letter + "?".repeat(9);
  const triples = SPECIAL.map((special, index) => {
    const bits = mode >> (3 * (2 - index)) & 7;
    const isSpecial = (mode & (0o4000 >> index)) !== 0;
    const isExecutable = (bits & 1) !== 0;
    const last = isSpecial
      ? isExecutable ? special : special.toUpperCase()
      : isExecutable
      ? "x"
      : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${last}`;
  });
  return letter + triples.join("");
}

/** `0644`, as chmod(1) takes it. */
export function octalMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
