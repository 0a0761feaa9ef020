/**
 * How a client speaks, between the catalog's names and the protocol's tables.
 *
 * @module
 */
import { findEdition, isQuirk, type Profile } from "../../protocol/mod.ts";
import type { Speech } from "../catalog/accounts.ts";

export function toSpeech({ edition, quirks }: Profile): Speech {
  return { edition: edition.name, habits: [...quirks].sort() };
}

/** `undefined` for an edition that this version does not know. */
export function toProfile({ edition: name, habits }: Speech): Profile | undefined {
  const edition = findEdition(name);
  return edition && { edition, quirks: new Set(habits.filter(isQuirk)) };
}

export function sameSpeech(a: Profile, b: Profile): boolean {
  return a.edition === b.edition && a.quirks.size === b.quirks.size &&
    [...a.quirks].every((quirk) => b.quirks.has(quirk));
}
