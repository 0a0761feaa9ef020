/**
 * How a client speaks, between the catalog's names and the protocol's tables.
 *
 * @module
 */
import { findEdition, isHabit, type Profile } from "../../protocol/mod.ts";
import type { Speech } from "../catalog/catalog.ts";

export function toSpeech({ edition, habits }: Profile): Speech {
  return { edition: edition.name, habits: [...habits].sort() };
}

/** `undefined` for an edition that this version does not know. */
export function toProfile({ edition: name, habits }: Speech): Profile | undefined {
  const edition = findEdition(name);
  return edition && { edition, habits: new Set(habits.filter(isHabit)) };
}

export function sameSpeech(a: Profile, b: Profile): boolean {
  return a.edition === b.edition && a.habits.size === b.habits.size &&
    [...a.habits].every((habit) => b.habits.has(habit));
}
