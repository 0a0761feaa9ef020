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
  const least = Math.min(...near.map(({ away }) => away));
  return near.filter(({ away }) => away === least).map(({ name }) => name).sort();
}
