/**
 * Converts client profiles between the catalog's names and the protocol's tables.
 *
 * @module
 */
import { findEdition } from "../../protocol/v3/editions/mod.ts";
import { isQuirk } from "../../protocol/v3/editions/quirks.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { StoredProfile } from "../catalog/accounts.ts";

export function toStoredProfile({ edition, quirks }: Profile): StoredProfile {
  return { edition: edition.name, quirks: [...quirks].sort() };
}

/** `undefined` for an edition that this version does not know. */
export function toProfile({ edition: name, quirks }: StoredProfile): Profile | undefined {
  const edition = findEdition(name);
  return edition && { edition, quirks: new Set(quirks.filter(isQuirk)) };
}

export function sameProfile(a: Profile, b: Profile): boolean {
  return a.edition === b.edition && a.quirks.size === b.quirks.size &&
    [...a.quirks].every((quirk) => b.quirks.has(quirk));
}
