/**
 * Which name was perhaps meant.
 *
 * @module
 */
import { distance } from "fastest-levenshtein";

/** Further apart than so many letters two words have nothing to do with each other. */
const MAX_DISTANCE = 3;
/** And so much of the longer one must be right. */
const MIN_SIMILARITY = 0.4;

/** Those of the names that are nearest to a word, if any is near. */
export function nearest(word: string, names: readonly string[]): string[] {
  const near = names.map((name) => ({ name, away: distance(word, name) }))
    .filter(({ name, away }) => {
      const length = Math.max(word.length, name.length);
      return away <= MAX_DISTANCE && (length - away) / length > MIN_SIMILARITY;
    });
  const least = Math.min(...near.map(({ away }) => away));
  return near.filter(({ away }) => away === least).map(({ name }) => name).sort();
}
