/**
 * The names that are nearest to a mistyped one.
 *
 * @module
 */
import { distance } from "fastest-levenshtein";

/** Words that differ by more letters are unrelated. */
const MAX_DISTANCE = 3;
/** The part of the longer word that must be right. */
const MIN_SIMILARITY = 0.4;

/** The names nearest to a word, if any is near. */
export function nearest(word: string, names: readonly string[]): string[] {
  const near = names.map((name) => ({ name, away: distance(word, name) }))
    .filter(({ name, away }) => {
      const length = Math.max(word.length, name.length);
      return away <= MAX_DISTANCE && (length - away) / length > MIN_SIMILARITY;
    });
  const least = smallest(near, ({ away }) => away);
  return smallest(least, ({ name }) => otherLetters(word, name)).map(({ name }) => name).sort();
}

/** Of words that differ equally, one with the same letters is meant: "lsit" is "list", not "set". */
function otherLetters(word: string, name: string): number {
  return [...word].filter((letter) => !name.includes(letter)).length;
}

function smallest<T>(values: readonly T[], sizeOf: (value: T) => number): T[] {
  const least = Math.min(...values.map(sizeOf));
  return values.filter((value) => sizeOf(value) === least);
}
